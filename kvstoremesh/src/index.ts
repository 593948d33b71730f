export { ClustersDir } from './directory/clusters-dir.ts';
export type { ClustersDirDeps, ClustersSource } from './directory/clusters-dir.ts';
export { createKvstoremesh } from './kvstoremesh.ts';
export type { Kvstoremesh, KvstoremeshDeps, KvstoremeshSettings } from './kvstoremesh.ts';
export type { RemoteConfig, RemoteFile } from './directory/remote-file.ts';
export type { RemoteClusterSnapshot, RemoteClusterStatus } from './status/status.ts';
export { defaultLimits } from './limits/remote-limits.ts';
export type { LimitSettings, RemoteLimits } from './limits/remote-limits.ts';
