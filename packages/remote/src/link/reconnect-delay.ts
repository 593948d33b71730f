import { hasCode } from '@clustermesh/runtime';
import type { Random } from '@clustermesh/runtime';

const stepMs = 1000;
const longestMs = 30_000;
/** A Secret that is mounted optional may come any moment, and looking costs nothing (protocol.md §3.4). */
const missingFileMs = 5000;

/**
 * Milliseconds before attempt `failures + 1`. Grows by a second a failure as Cilium's does, but is spread over half
 * of itself, so that a mesh does not reconnect in step, and ends at 30 s, so that recovery is never far.
 */
export function reconnectDelayMs(failures: number, error: unknown, random: Random): number {
  if (hasCode(error, 'FILE_UNREADABLE')) return missingFileMs;
  const fullMs = Math.min(failures * stepMs, longestMs);
  return Math.round(fullMs * (1 - random.next() / 2));
}
