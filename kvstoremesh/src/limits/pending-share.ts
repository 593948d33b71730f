import type { PendingLimits } from '@clustermesh/kvstore';

/** Of all remote clusters: what may be in memory because the local store is slow or away. */
const total: PendingLimits = { keys: 131_072, bytes: 64 * 1024 * 1024 };
/** However few: what is read on holds deletions, which pass what waits. */
const most: PendingLimits = { keys: 16_384, bytes: 8 * 1024 * 1024 };
/** However many share: less would make each transaction wait for the one before. */
const least: PendingLimits = { keys: 256, bytes: 64 * 1024 };

/** What may wait of one kind of one of `remotes` clusters before its source is read on (I1). */
export function pendingShare(remotes: number): PendingLimits {
  const part = (of: keyof PendingLimits): number =>
    Math.max(least[of], Math.min(most[of], Math.floor(total[of] / Math.max(1, remotes))));
  return { keys: part('keys'), bytes: part('bytes') };
}
