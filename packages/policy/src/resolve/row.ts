import type { Region } from './region.ts';

export type Verdict = 'allow' | 'deny';

/** A rule's word on a region; `rule` tells which one it was. */
export interface Claim {
  readonly region: Region;
  readonly verdict: Verdict;
  readonly rule: number;
}

/** A row of the kernel's map. */
export type Row = Claim;
