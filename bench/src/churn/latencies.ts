import { noVersion } from './changes.ts';

/** A change when it was made. */
export interface Sent {
  /** `<cluster>/<address>` */
  readonly key: string;
  readonly version: number;
  readonly isDelete: boolean;
  readonly atMs: number;
}

/** What a reader was told, and when. */
export interface Seen {
  readonly key: string;
  /** `noVersion` of a deletion. */
  readonly version: number;
  readonly atMs: number;
}

/**
 * From each change until the reader had it, or a later one of the same key: in between, who comes late may leave out. What
 * was never seen has no latency; whether it is lost, the final state tells.
 */
export function churnLatencies(sent: readonly Sent[], seen: readonly Seen[]): number[] {
  const waiting = Map.groupBy(sent, ({ key }) => key);
  const ms: number[] = [];
  for (const sighting of seen) {
    const changes = waiting.get(sighting.key) ?? [];
    const through = changes.findLastIndex((change) => isShownBy(change, sighting));
    for (const { atMs } of changes.splice(0, through + 1)) ms.push(sighting.atMs - atMs);
  }
  return ms;
}

function isShownBy({ version, isDelete, atMs }: Sent, seen: Seen): boolean {
  if (atMs > seen.atMs) return false;
  return seen.version === noVersion ? isDelete : version <= seen.version;
}

/** Keys that are not as the last change left them. */
export function lostKeys(wanted: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): string[] {
  const wrong = [...wanted].filter(([key, version]) => found.get(key) !== version).map(([key]) => key);
  return [...wrong, ...[...found.keys()].filter((key) => !wanted.has(key))];
}
