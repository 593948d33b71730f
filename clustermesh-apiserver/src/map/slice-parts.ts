import type { ClusterEndpointSlice, SliceEndpoint } from '@clustermesh/wire';

/**
 * Endpoints that a value has on average at most. What changes of a slice goes to every node of every other cluster,
 * compressed but whole: of these many it is some 600 bytes (ADR 202).
 */
const endpointsPerPart = 32;

/** In no name of an object of Kubernetes, so that a part is never taken for another slice. */
const partMark = '_';

/** When the controller last saw a change of any endpoint: it would change each part with each endpoint. */
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * A slice in parts that are published each under a name of its own, the first one under the slice's: 1, 2, 4, … of them.
 * An endpoint's address says in which part it is: one that changes, comes or goes changes its part alone. What a reader
 * makes of the parts of a slice is what it makes of the slice.
 */
export function sliceParts(slice: ClusterEndpointSlice): readonly ClusterEndpointSlice[] {
  const count = partCount(slice.endpoints.length);
  if (count === 1) return [slice];
  const parts = Array.from({ length: count }, (): SliceEndpoint[] => []);
  for (const endpoint of slice.endpoints) parts[partOf(endpoint, count)]?.push(endpoint);
  const { [triggerTime]: _, ...annotations } = slice.annotations;
  return parts.map((endpoints, part) => ({ ...slice, name: partName(slice.name, part), annotations, endpoints }));
}

/** Of the slice, or of its key. */
export function partName(slice: string, part: number): string {
  return part === 0 ? slice : `${slice}${partMark}${part}`;
}

function partCount(endpoints: number): number {
  let count = 1;
  while (endpoints > count * endpointsPerPart) count *= 2;
  return count;
}

/** FNV-1a of the address; `count` is a power of two. With twice as many parts, each gives only to one that is new. */
function partOf({ addresses }: SliceEndpoint, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(addresses[0] ?? '')) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 16)) & (count - 1);
}
