export { createApiserver } from './apiserver.ts';
export type { Apiserver, ApiserverDeps } from './apiserver.ts';
export { meshIdentities } from './identity/mesh-identity.ts';
export type { MeshIdentity } from './identity/mesh-identity.ts';
export { clusterEndpointSlice } from './map/endpoint-slice.ts';
export type { LocalCluster } from './map/local-cluster.ts';
export { sliceParts } from './map/slice-parts.ts';
export { ApiserverMetrics } from './metrics.ts';
export type { ApiserverSettings } from './settings.ts';
