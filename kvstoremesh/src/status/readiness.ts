import { isConnected, isRemoved } from '@clustermesh/remote';

import type { RemoteClusterSnapshot } from './status.ts';

export interface ReadinessTimeouts {
  /** A cluster that is not connected by then is not waited for. */
  readonly perClusterReadyTimeoutMs: number;
  /** Nothing is waited for longer than this. */
  readonly globalReadyTimeoutMs: number;
}

/**
 * Which clusters keep the process from being ready (protocol.md §9.3): agents should not read a cache that is about
 * to be filled, but must not wait for a cluster that is away either.
 */
export function awaitedClusters(
  snapshots: readonly RemoteClusterSnapshot[],
  elapsedMs: number,
  { perClusterReadyTimeoutMs, globalReadyTimeoutMs }: ReadinessTimeouts,
): string[] {
  if (elapsedMs >= globalReadyTimeoutMs) return [];
  const isAwaited = ({ state, wasReady }: RemoteClusterSnapshot): boolean =>
    !wasReady && !isRemoved(state) && (isConnected(state) || elapsedMs < perClusterReadyTimeoutMs);
  return snapshots.filter(isAwaited).map(({ name }) => name);
}
