import { collectBackends, type Backend } from './backend.ts';
import { frontendsOf, matches, type Frontend } from './frontend.ts';
import { localListings, type LocalService } from './local-service.ts';
import { remoteListings, type RemoteService } from './remote-service.ts';
import { countPreferred, rankBackends } from './service-affinity.ts';

/** What a frontend is to be programmed with. */
export interface SelectedFrontend extends Frontend {
  /** All that match, preferred first, each place once. */
  readonly backends: readonly Backend[];
  /** How many of them, from the first, may be chosen for a new connection now. */
  readonly count: number;
}

/**
 * Joins a service with its namesakes in other clusters (protocol.md §8.3). Without a service of this cluster there is
 * no frontend; only its own `includeExternal` decides whether the others are used.
 */
export function mergeGlobalService(input: {
  readonly local: LocalService | undefined;
  readonly remotes: readonly RemoteService[];
}): readonly SelectedFrontend[] {
  const { local } = input;
  if (local === undefined) return [];
  const ranked = rankBackends(poolOf(local, input.remotes), local.affinity, local.clusterId);
  return frontendsOf(local).map((frontend) => {
    const matching = ranked.filter(({ backend }) => matches(frontend, backend));
    return { ...frontend, backends: matching.map(({ backend }) => backend), count: countPreferred(matching) };
  });
}

/** Where two clusters list one place, this cluster's word counts, then a usable one's, then that of the lowest id. */
function poolOf(local: LocalService, remotes: readonly RemoteService[]): Iterable<Backend> {
  const pool = new Map(collectBackends(localListings(local)));
  if (!local.includeExternal) return pool.values();
  const namesakes = remotes
    .filter(({ service }) => service.namespace === local.namespace && service.name === local.name)
    .sort((a, b) => Number(b.usable) - Number(a.usable) || a.service.clusterId - b.service.clusterId);
  for (const namesake of namesakes) {
    for (const [key, backend] of collectBackends(remoteListings(namesake))) {
      if (!pool.has(key)) pool.set(key, backend);
    }
  }
  return pool.values();
}
