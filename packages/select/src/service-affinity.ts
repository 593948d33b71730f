import type { ServiceAffinity } from '@clustermesh/wire';
import type { Backend } from './backend.ts';

type Tier = 'local' | 'remote' | 'terminating' | 'withdrawn';

/**
 * Which backends are chosen while there are any of them (protocol.md §8.5). Terminating ones come behind all that take
 * new connections wherever those are; withdrawn ones last of all (I4).
 */
const tiersByAffinity: Readonly<Record<ServiceAffinity, readonly (readonly Tier[])[]>> = {
  none: [['local', 'remote'], ['terminating'], ['withdrawn']],
  local: [['local'], ['remote'], ['terminating'], ['withdrawn']],
  remote: [['remote'], ['local'], ['terminating'], ['withdrawn']],
};

export interface RankedBackend {
  readonly backend: Backend;
  /** 0 is the preferred tier. */
  readonly rank: number;
}

/** A service of this cluster, and what it prefers. */
export interface Preference {
  readonly affinity: ServiceAffinity;
  readonly clusterId: number;
}

/** Preferred first, of equal ones those of this cluster, in an order that depends on the set alone. */
export function rankBackends(backends: Iterable<Backend>, preference: Preference): readonly RankedBackend[] {
  return [...backends].map((backend) => ({ backend, rank: rankOf(backend, preference) })).sort(comparing(preference));
}

/** The order of `rankBackends`. */
export function comparing({ clusterId }: Preference): (left: RankedBackend, right: RankedBackend) => number {
  const isElsewhere = ({ backend }: RankedBackend): boolean => backend.clusterId !== clusterId;
  return (left, right) =>
    left.rank - right.rank ||
    Number(isElsewhere(left)) - Number(isElsewhere(right)) ||
    compareKeys(left.backend.key, right.backend.key);
}

export function rankOf(backend: Backend, { affinity, clusterId }: Preference): number {
  const tier = tierOf(backend, clusterId);
  return tiersByAffinity[affinity].findIndex((tiers) => tiers.includes(tier));
}

function compareKeys(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** How many of the ranked may be chosen now: the best tier that has any. */
export function countPreferred(ranked: readonly RankedBackend[]): number {
  const best = ranked[0]?.rank;
  const end = ranked.findIndex(({ rank }) => rank !== best);
  return end < 0 ? ranked.length : end;
}

function tierOf({ state, clusterId }: Backend, localClusterId: number): Tier {
  if (state !== 'active') return state;
  return clusterId === localClusterId ? 'local' : 'remote';
}
