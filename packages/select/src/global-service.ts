import { collectBackends, type Backend } from './backend.ts';
import { frontendsOf, matches, type Frontend } from './frontend.ts';
import { localListings, type ClientNode, type LocalService } from './local-service.ts';
import { remoteListings, type RemoteService } from './remote-service.ts';
import { countPreferred, rankBackends } from './service-affinity.ts';
import { preferNear } from './traffic-distribution.ts';

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
  /** Of the same namespace and name. */
  readonly remotes: readonly RemoteService[];
  readonly node: ClientNode;
}): readonly SelectedFrontend[] {
  const { local, node } = input;
  if (local === undefined) return [];
  const ranked = rankBackends(poolOf({ ...input, local }), local);
  return frontendsOf(local).map((frontend) => {
    const matching = preferNear(
      ranked.filter(({ backend }) => matches(frontend, backend)),
      { ...node, rule: local.traffic },
    );
    return { ...frontend, backends: matching.map(({ backend }) => backend), count: countPreferred(matching) };
  });
}

/** What a frontend of a service is selected from. */
export interface PoolInput {
  readonly local: LocalService;
  readonly remotes: readonly RemoteService[];
  readonly node: ClientNode;
  /** Of these addresses alone, as `plainAddress` spells them. */
  readonly only?: ReadonlySet<string>;
}

/** Where two clusters list one place, this cluster's word counts, then a usable one's, then that of the lowest id. */
export function poolOf({ local, remotes, node, only }: PoolInput): Iterable<Backend> {
  const pool = new Map(collectBackends(localListings(local, node, only)));
  if (!local.includeExternal) return pool.values();
  const namesakes = remotes.toSorted((a, b) => Number(b.usable) - Number(a.usable) || a.clusterId - b.clusterId);
  for (const namesake of namesakes) {
    for (const [key, backend] of collectBackends(remoteListings(namesake, only))) {
      if (!pool.has(key)) pool.set(key, backend);
    }
  }
  return pool.values();
}
