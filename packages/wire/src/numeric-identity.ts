import { ok, refuse, type Result } from '@clustermesh/runtime';
import type { ClusterId, MaxConnectedClusters } from './cluster.ts';
import { quoted } from './quoted.ts';

/** A security identity as policy and datapath know it (protocol.md §5.2): scope byte, cluster id, local number. */
export type NumericIdentity = number & { readonly __brand: 'NumericIdentity' };

export interface IdentityRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** Everything below is the same in every cluster: reserved, well-known or fixed by its user. */
const firstAllocated = 256;
const firstUserReserved = 128;

/** Labels' names of the reserved identities (protocol.md §5.3); 11–14 exist in policy maps only. */
export const reservedIdentities: ReadonlyMap<number, string> = new Map([
  [0, 'unknown'],
  [1, 'host'],
  [2, 'world'],
  [3, 'unmanaged'],
  [4, 'health'],
  [5, 'init'],
  [6, 'remote-node'],
  [7, 'kube-apiserver'],
  [8, 'ingress'],
  [9, 'world-ipv4'],
  [10, 'world-ipv6'],
  [11, 'aggregate-cluster'],
  [12, 'aggregate-cluster-mesh'],
  [13, 'aggregate-world'],
  [14, 'aggregate-remote-node'],
]);

export const hostIdentity = 1 as NumericIdentity;
export const worldIdentity = 2 as NumericIdentity;
export const worldIpv4Identity = 9 as NumericIdentity;
export const worldIpv6Identity = 10 as NumericIdentity;
export const healthIdentity = 4 as NumericIdentity;
export const remoteNodeIdentity = 6 as NumericIdentity;
export const ingressIdentity = 8 as NumericIdentity;

export function isReservedIdentity(id: number): boolean {
  return reservedIdentities.has(id);
}

export function isUserReservedIdentity(id: number): boolean {
  return id >= firstUserReserved && id < firstAllocated;
}

/** Addresses outside the mesh, of either family or of both. */
export function isWorldIdentity(id: number): boolean {
  return id === worldIdentity || id === worldIpv4Identity || id === worldIpv6Identity;
}

/** Does the number mean the same in every cluster? Any cluster may then use it for its IPs. */
export function isClusterIndependent(id: number): boolean {
  return id < firstAllocated;
}

/** From here on numbers are a node's own: for networks that its policies name. Never on the wire. */
export const firstNetworkIdentity = 0x0100_0000;

/** Is it one that a node gave to a network? */
export function isNetworkIdentity(id: number): boolean {
  return id >>> 24 === firstNetworkIdentity >>> 24;
}

function localBits(max: MaxConnectedClusters): number {
  return max === 255 ? 16 : 15;
}

/** The numbers that a cluster allocates from. */
export function identityRange(cluster: ClusterId | 0, max: MaxConnectedClusters): IdentityRange {
  const size = 2 ** localBits(max);
  const first = cluster * size;
  return { first: Math.max(first, firstAllocated), last: first + size - 1 };
}

/** The cluster whose range holds the number; 0 for those that belong to none. */
export function clusterOfIdentity(id: number, max: MaxConnectedClusters): number {
  return (id >>> localBits(max)) & max;
}

/**
 * The number in an identity's key: plain decimal. Cilium also reads 0x10082 or 065666, but two spellings of one
 * number would be two keys owning one identity, and deleting either would take it away.
 */
export function numericIdentity(text: string): Result<NumericIdentity> {
  if (!/^(?:0|[1-9]\d{0,9})$/.test(text) || Number(text) > 0xffff_ffff) {
    return refuse(`identity ${quoted(text)} is not a plain 32-bit number`);
  }
  return ok(Number(text) as NumericIdentity);
}
