/** One cluster's statement about an address: who it is and which node it is behind. */
export interface IpcacheClaim {
  readonly clusterId: number;
  readonly identity: number;
  /** Index into the node map; 0 = reached without a tunnel. */
  readonly nodeIndex: number;
}

/** Cluster id of the owner of the pod CIDR that an address lies in, if one is known. */
export type PodCidrOwner = (address: Uint8Array) => number | undefined;

/**
 * Of several claims on one address (in order of arrival) the local cluster's wins, then that of the owner of the
 * node's pod CIDR, then the first.
 */
export function chooseClaim(
  claims: readonly IpcacheClaim[],
  localClusterId: number,
  podCidrOwner: number | undefined,
): IpcacheClaim | undefined {
  return (
    claims.find((claim) => claim.clusterId === localClusterId) ??
    claims.find((claim) => claim.clusterId === podCidrOwner) ??
    claims[0]
  );
}

/** The claims with one cluster's replaced in place, or appended when it is new. */
export function withClaim(claims: readonly IpcacheClaim[], claim: IpcacheClaim): readonly IpcacheClaim[] {
  const known = claims.some((other) => other.clusterId === claim.clusterId);
  return known ? claims.map((other) => (other.clusterId === claim.clusterId ? claim : other)) : [...claims, claim];
}
