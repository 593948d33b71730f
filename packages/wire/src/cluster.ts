import { ok, refuse, type Result } from '@clustermesh/runtime';

/** A valid cluster name: what appears in keys, certificates and file names. */
export type ClusterName = string & { readonly __brand: 'ClusterName' };

/** 1..255 or 1..511; 0 means "not in a mesh" and is never another cluster's. */
export type ClusterId = number & { readonly __brand: 'ClusterId' };

/** How many clusters a mesh may have; decides how numeric identities are laid out. Equal in the whole mesh. */
export type MaxConnectedClusters = 255 | 511;

const maxNameLength = 32;
const namePattern = /^(?:[a-z0-9][-a-z0-9]*)?[a-z0-9]$/;

export function clusterName(text: string): Result<ClusterName> {
  if (text === '') return refuse('cluster name is empty');
  if (text.length > maxNameLength) return refuse(`cluster name is longer than ${maxNameLength} characters`);
  if (!namePattern.test(text)) {
    return refuse('cluster name must be lower case letters, digits and "-", with a letter or digit at both ends');
  }
  return ok(text as ClusterName);
}

export function clusterId(id: number, max: MaxConnectedClusters): Result<ClusterId> {
  if (id === 0) return refuse('cluster id 0 is reserved');
  if (!Number.isInteger(id) || id < 0) return refuse(`cluster id ${id} is not a positive whole number`);
  if (id > max) return refuse(`cluster id ${id} is above ${max}`);
  return ok(id as ClusterId);
}

export function maxConnectedClusters(max: number): Result<MaxConnectedClusters> {
  return max === 255 || max === 511 ? ok(max) : refuse(`max-connected-clusters ${max} is neither 255 nor 511`);
}

/** What a cluster must know of itself before it may join a mesh (protocol.md §5.1, the strict form). */
export function validateLocalCluster(name: string, id: number, max: MaxConnectedClusters): string | undefined {
  const named = clusterName(name);
  if (!named.ok) return named.reason;
  const numbered = clusterId(id, max);
  if (!numbered.ok) return numbered.reason;
  return name === 'default' ? 'cluster name "default" is not allowed together with a cluster id' : undefined;
}
