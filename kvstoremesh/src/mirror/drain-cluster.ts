import type { KvOp, KvStore } from '@clustermesh/kvstore';
import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { clusterConfigKey, freshnessKey, kinds, syncedPrefix } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

export interface DrainDeps {
  readonly local: Pick<KvStore, 'commit'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  /** Between the deletion of the config and that of the data. */
  readonly graceMs: number;
}

/**
 * Deletes all that the cache holds of a removed cluster (protocol.md §9.5). The config goes first: who connects now
 * finds no such cluster, and who already reads has the grace to be told of the removal. Freshness goes last, so
 * that nobody holds entries without knowing their age. A failed step is done again until it works: unlike Cilium's,
 * which gives up after five attempts, because these keys do not expire while our lease lives.
 */
export async function drainCluster(cluster: ClusterName, deps: DrainDeps, signal: AbortSignal): Promise<void> {
  await commit(cluster, [{ kind: 'delete', key: clusterConfigKey(cluster) }], deps, signal);
  deps.log.info({ cluster, graceMs: deps.graceMs }, 'cluster removed, its data is kept for a grace period');
  await deps.clock.sleep(deps.graceMs, signal);
  const prefixes = [syncedPrefix(cluster), ...kinds.map((kind) => kind.cachePrefix(cluster)).sort()];
  for (const prefix of prefixes) await commit(cluster, [{ kind: 'delete-prefix', prefix }], deps, signal);
  await commit(cluster, [{ kind: 'delete', key: freshnessKey(cluster) }], deps, signal);
}

async function commit(cluster: ClusterName, ops: readonly KvOp[], deps: DrainDeps, signal: AbortSignal): Promise<void> {
  const name = `remote/${cluster}/drain`;
  const backoff = new Backoff({ baseMs: 2000, capMs: 30_000, random: deps.random });
  const write = async (both: AbortSignal): Promise<void> => {
    await deps.local.commit(ops, both);
  };
  await retryLoop(write, { ...deps, name, backoff }, signal);
  deps.health.scope(name).remove();
}
