/** `GET /v1/cache` of kvstoremesh, and `cache` of an agent's status. */
export interface CacheView {
  readonly store: string;
  /** Without credentials; agents have none of the etcd. */
  readonly address: string;
  /** Why it cannot be used now; '' while it can. */
  readonly problem: string;
}

/** Where copies of other clusters are kept, and what is wrong with it. */
export interface CacheUse {
  /** Absent where it is the cluster's etcd. */
  readonly cache?: { readonly store: string; readonly address: string };
  readonly problems: readonly string[];
  readonly notices: readonly string[];
}

/** As who writes it and who reads it tell. */
export function cacheUse(
  mirrors: readonly CacheView[],
  agents: readonly { readonly node: string; readonly cache?: CacheView }[],
): CacheUse {
  const readers = agents.flatMap(({ node, cache }) =>
    cache === undefined || cache.store === '' ? [] : [{ node, ...cache }],
  );
  const [used] = [...mirrors, ...readers].filter(({ store }) => store !== 'etcd');
  const hindered = readers.filter(({ problem }) => problem !== '');
  return {
    ...(used === undefined ? {} : { cache: { store: used.store, address: used.address } }),
    problems: [
      ...new Set(mirrors.flatMap(({ problem }) => (problem === '' ? [] : [`kvstoremesh has no cache: ${problem}`]))),
      ...(hindered[0] === undefined
        ? []
        : [`${hindered.length} of ${readers.length} nodes cannot read the cache: ${hindered[0].problem}`]),
    ],
    notices: differences(mirrors, readers),
  };
}

/** A replica has another address than its primary, so this may be as it should be. */
function differences(mirrors: readonly CacheView[], readers: readonly CacheView[]): readonly string[] {
  const [written, read] = [mirrors, readers].map((views) => new Set(views.map(placeOf)));
  const others = [...(read ?? [])].filter((place) => written?.has(place) === false);
  if (mirrors.length === 0 || others.length === 0) return [];
  return [
    `agents read the cache in ${others.join(', ')}, and kvstoremesh writes it in ${[...(written ?? [])].join(', ')}`,
  ];
}

function placeOf({ store, address }: CacheView): string {
  return store === 'etcd' ? 'the etcd' : address;
}
