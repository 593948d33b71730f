import { isWorldIdentity } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

/** One cluster's statement about an address: who it is and which node it is behind. */
export interface IpcacheClaim {
  readonly clusterId: number;
  readonly identity: number;
  /** Index into the node map; 0 = reached without a tunnel. */
  readonly nodeIndex: number;
}

/** In place of a cluster's id: what this agent says by itself (own-claims.ts). It claims nothing, and wins against nobody. */
export const noClaimant = 0;

/** Whose addresses are whose, as the pod CIDRs of nodes tell. */
export interface RangeOwners {
  /** Cluster id of the owner of the range that the address lies in, if one is known. */
  owner(address: Uint8Array): number | undefined;
  /** Has the prefix anything in common with the ranges of our own cluster? */
  touchesLocal(prefix: Prefix): boolean;
}

/**
 * Of several claims on one address (in order of arrival) the local cluster's wins, then that of the owner of the
 * node's pod CIDR, then the first. Nobody else's wins where the range is ours.
 */
export function chooseClaim(
  claims: readonly IpcacheClaim[],
  localClusterId: number,
  owner: number | undefined,
): IpcacheClaim | undefined {
  const ours = claims.find((claim) => claim.clusterId === localClusterId);
  if (ours !== undefined || owner === localClusterId) return ours;
  return claims.find((claim) => claim.clusterId === owner) ?? claims[0];
}

/**
 * What holds of an address: what its cluster claims; where that is part of the world, or nothing, what we know of it
 * ourselves, by the way that the cluster tells.
 */
export function refineClaim(winner: IpcacheClaim | undefined, own: IpcacheClaim | undefined): IpcacheClaim | undefined {
  if (own === undefined || winner === undefined) return winner ?? own;
  return isWorldIdentity(winner.identity) ? { ...winner, identity: own.identity } : winner;
}

/** The claims with one cluster's replaced in place, or appended when it is new. */
export function withClaim(claims: readonly IpcacheClaim[], claim: IpcacheClaim): readonly IpcacheClaim[] {
  const known = claims.some((other) => other.clusterId === claim.clusterId);
  return known ? claims.map((other) => (other.clusterId === claim.clusterId ? claim : other)) : [...claims, claim];
}
