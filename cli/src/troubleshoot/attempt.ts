import { describeError, isMeshError, withDeadline } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { Attempt, Failure } from './observation.ts';

export interface Patience {
  readonly clock: Clock;
  /** How long one step may take. */
  readonly timeoutMs: number;
}

/** Tries one step; whatever it throws is what was found. */
export async function attempt<T>(
  what: string,
  task: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs }: Patience,
  signal: AbortSignal,
): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await withDeadline({ ms: timeoutMs, what, clock }, task, signal) };
  } catch (error) {
    return { ok: false, ...failureOf(error) };
  }
}

/** What is said of a file says it all; of other failures the causes are the better half. */
export function failureOf(error: unknown): Failure {
  if (!isMeshError(error)) return { code: 'INTERNAL', problem: describeError(error) };
  const { code, message } = error;
  return { code, problem: code === 'FILE_UNREADABLE' ? message : describeError(error) };
}
