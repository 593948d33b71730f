export { ClustersDir } from './clusters-dir.ts';
export type { ClustersDirDeps, ClustersSource } from './clusters-dir.ts';
export { createKvstoremesh } from './kvstoremesh.ts';
export type { Kvstoremesh, KvstoremeshDeps, KvstoremeshSettings } from './kvstoremesh.ts';
export type { RemoteConfig, RemoteFile } from './remote-file.ts';
export type { RemoteClusterSnapshot, RemoteClusterStatus } from './status.ts';
