export { createKvstoremesh } from './kvstoremesh.ts';
export type { Kvstoremesh, KvstoremeshDeps, KvstoremeshSettings } from './kvstoremesh.ts';
export type { RemoteClusterSnapshot, RemoteClusterStatus } from './status/status.ts';
export { defaultLimits } from './limits/remote-limits.ts';
export type { LimitSettings, RemoteLimits } from './limits/remote-limits.ts';
export type { ClustersSource, RemoteConfig, RemoteFile } from '@clustermesh/remote';
