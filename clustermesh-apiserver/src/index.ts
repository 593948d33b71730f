export { createApiserver } from './apiserver.ts';
export type { Apiserver, ApiserverDeps } from './apiserver.ts';
export { meshIdentities } from './identity/mesh-identity.ts';
export type { MeshIdentity } from './identity/mesh-identity.ts';
export type { LocalCluster } from './map/local-cluster.ts';
export { ApiserverMetrics } from './metrics.ts';
export type { ApiserverSettings } from './settings.ts';
