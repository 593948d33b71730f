import type { Freshness } from '@clustermesh/wire';

/**
 * Whose contact an age is counted from: `mirror`, what the writer of a cache tells of the cluster; `cluster`, our own
 * link to it; `cache`, our link to a cache whose writer does not tell how old its copy is.
 */
export type AgeOf = 'mirror' | 'cluster' | 'cache';

export interface KnownFreshness extends Freshness {
  readonly ageOf: AgeOf;
  /** Absent before the first contact. */
  readonly ageMs: number | undefined;
}

/** The way to a remote cluster, and what is known of it by that way. */
export interface ClusterWay {
  /** It is not wanted, or not any more. */
  readonly trouble: { readonly state: 'refused' | 'leaving'; readonly reason: string } | undefined;
  /** What has kept it from being read at all. */
  readonly obstacle: string | undefined;
  /** Why nobody knows how the cluster is now; `undefined` when it is known. */
  readonly lost: string | undefined;
  /** Its age counts: nobody on our side of the way has heard of it lately. */
  readonly isOutOfContact: boolean;
  /** Milliseconds since it was heard of; `undefined` when nobody knows. */
  readonly ageMs: number | undefined;
  /** `undefined`: nobody tells. */
  readonly freshness: KnownFreshness | undefined;
  /** May what vanishes now be its writer's leases that run out? */
  readonly mayHaveExpired: boolean;
  /** The writer is in contact and has spoken without a gap for so long, milliseconds. */
  readonly steadyMs: number;
  /** A kind was read completely. */
  read?(): void;
}
