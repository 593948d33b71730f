import type { KvOp, KvStore } from '@clustermesh/kvstore';
import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { freshnessKey, kinds, syncedPrefix } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

export interface DrainDeps {
  readonly local: Pick<KvStore, 'commit'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/**
 * Deletes all that the cache holds of a removed cluster, whose config is gone already (protocol.md §9.5). Freshness goes last,
 * so that nobody holds entries without knowing their age, and a process that comes after this one knows that there is something
 * left to delete. A failed step is done again until it works: unlike Cilium's, which gives up after five attempts, because these
 * keys do not expire while our lease lives.
 */
export async function drainCluster(cluster: ClusterName, deps: DrainDeps, signal: AbortSignal): Promise<void> {
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
