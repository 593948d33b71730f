import { isIpv4, reservedIdentities } from '@clustermesh/wire';
import type { LabelArray, Prefix } from '@clustermesh/wire';

import { LabelSet } from '../selector.ts';

/** `protocol/name` → container ports. */
export type NamedPorts = ReadonlyMap<string, readonly number[]>;

/** Someone at the other end of a connection, as far as policy knows it. */
export interface Identity {
  readonly number: number;
  readonly labels: LabelSet;
  /** Of an identity that stands for addresses outside the mesh. */
  readonly prefix?: Prefix;
  readonly namedPorts: NamedPorts;
}

const noPorts: NamedPorts = new Map();
const reserved = 'reserved';
const kubeApiserver = 7;

/**
 * From here on, numbers are those of subjects of this node alone: policies select them by their labels, but to others
 * they are the world, so that no row is about them as a remote.
 */
export const firstLocalSubject = 0x0200_0000;

export function workload(number: number, labels: LabelArray, namedPorts = noPorts): Identity {
  return { number, labels: new LabelSet(labels), namedPorts };
}

/** Larger numbers with names stand in policy maps only; 0 is nobody that a rule could name. */
const lastReserved = 10;

/** The numbers below 256 that have a name of their own (protocol.md §5.3). */
export function reservedIdentityList(): readonly Identity[] {
  const named = [...reservedIdentities].filter(([number]) => number > 0 && number <= lastReserved);
  return named.map(([number, key]) => {
    // The API server's hosts are nodes as well.
    const keys = number === kubeApiserver ? [key, 'remote-node'] : [key];
    const labels = keys.map((each) => ({ source: reserved, key: each, value: '' }));
    return { number, labels: new LabelSet(labels), namedPorts: noPorts };
  });
}

/** Addresses outside the mesh inside one network that some policy speaks of. */
export function network(number: number, prefix: Prefix): Identity {
  const world = isIpv4(prefix.address) ? 'world-ipv4' : 'world-ipv6';
  const labels = ['world', world].map((key) => ({ source: reserved, key, value: '' }));
  return { number, labels: new LabelSet(labels), prefix, namedPorts: noPorts };
}
