export type ConnectionMode = 'unicast' | 'bidirectional' | 'mesh';

/** Who reads whom: [reader, remote] pairs. The first cluster is the source, as in Cilium's CLI. */
export function linksOf<T>(mode: ConnectionMode, clusters: readonly T[]): readonly (readonly [reader: T, remote: T])[] {
  return clusters.flatMap((reader, at) =>
    clusters.flatMap((remote, other) => (isLinked(mode, at, other) ? [[reader, remote] as const] : [])),
  );
}

function isLinked(mode: ConnectionMode, reader: number, remote: number): boolean {
  if (reader === remote) return false;
  switch (mode) {
    case 'unicast':
      return reader === 0;
    case 'bidirectional':
      return reader === 0 || remote === 0;
    case 'mesh':
      return true;
  }
}
