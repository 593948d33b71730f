import type { Change, Sighting } from './changes.ts';

export interface Latencies {
  readonly ms: readonly number[];
  /** Sent and never seen. */
  readonly lost: number;
}

/** Tells two changes apart; where the address alone does, the identity need not be known to both ends. */
export type NameOf = (change: Change) => string;

export const byAddressAndIdentity: NameOf = ({ address, identity }) => `${address}=${identity}`;
export const byAddress: NameOf = ({ address }) => address;

/** From each change's sending to its first sighting; sightings of anything else are passed over. */
export function latencies(sent: readonly Sighting[], seen: readonly Sighting[], nameOf: NameOf): Latencies {
  const firstSeen = new Map<string, number>();
  for (const sighting of seen) {
    const name = nameOf(sighting);
    if (!firstSeen.has(name)) firstSeen.set(name, sighting.atMs);
  }
  const ms: number[] = [];
  for (const change of sent) {
    const atMs = firstSeen.get(nameOf(change));
    if (atMs !== undefined) ms.push(atMs - change.atMs);
  }
  return { ms, lost: sent.length - ms.length };
}
