import type { ClusterName } from '@clustermesh/wire';

import type { RemoteCluster } from './remote-cluster.ts';

/** The remote clusters of a mesh, whichever way they are read. */
export interface RemoteClusters {
  /** Resolves when the list of clusters is complete for the first time. */
  readonly listed: Promise<unknown>;
  /** Id of a cluster that bears our name, if any. */
  readonly claimOfOurName: number | undefined;
  /** Members that have not told their id since our start: what a predecessor left of any id may be theirs. */
  readonly untold: readonly ClusterName[];
  /** By name. */
  all(): readonly RemoteCluster[];
  /** Until abort. */
  run(signal: AbortSignal): Promise<void>;
}
