import { addressAt, addressCount, firstIdentity } from '../propagation/changes.ts';

/**
 * The changes of churn, by their number: clusters take turns, in each its addresses do, and each time an address comes
 * round it has the next version, an identity on the wire. Every tenth visit deletes it.
 */
export interface ChurnChange {
  /** Position of its cluster. */
  readonly cluster: number;
  readonly address: string;
  /** Grows with each visit. */
  readonly version: number;
  readonly isDelete: boolean;
}

const visitsPerDelete = 10;
/** What all of them begin with, and no other address. */
export const addressPrefix = '10.200.';
/** What a reader notes of an address that is deleted. */
export const noVersion = 0;

export function churnAt(sequence: number, clusters: number): ChurnChange {
  const turn = Math.floor(sequence / clusters);
  const index = turn % addressCount;
  const visit = Math.floor(turn / addressCount);
  const isDelete = (visit + index) % visitsPerDelete === visitsPerDelete - 1;
  return { cluster: sequence % clusters, address: addressAt(index), version: firstIdentity + visit, isDelete };
}

/** What `count` changes leave behind: each address of each cluster, and its version. */
export function finalVersions(count: number, names: readonly string[]): Map<string, number> {
  const versions = new Map<string, number>();
  for (let sequence = 0; sequence < count; sequence++) {
    const { cluster, address, version, isDelete } = churnAt(sequence, names.length);
    const key = `${names[cluster] ?? ''}/${address}`;
    if (isDelete) versions.delete(key);
    else versions.set(key, version);
  }
  return versions;
}
