/**
 * The changes that are timed. Addresses take turns; each time an address comes round it has the next identity, so that
 * address and identity together tell which change it was, on the wire as in a map.
 */
export interface Change {
  /** 10.200.x.y */
  readonly address: string;
  readonly identity: number;
}

/** A change at one of its ends, by CLOCK_MONOTONIC: the same clock in all processes of a machine. */
export interface Sighting extends Change {
  readonly atMs: number;
}

export const addressCount = 1_000;
/** Of every cluster-independent and reserved number; at one pass in five seconds more than an hour's worth. */
export const identityCount = 1_000;
/** Of cluster 1 in a mesh of 255: its first one, protocol.md §5. */
export const firstIdentity = 65_536;

export function changeAt(sequence: number): Change {
  const pass = Math.floor(sequence / addressCount);
  return { address: addressAt(sequence % addressCount), identity: firstIdentity + (pass % identityCount) };
}

export function addressAt(index: number): string {
  return `10.200.${index >> 8}.${index & 255}`;
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
