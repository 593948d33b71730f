export { Lab } from './lab.ts';
export type { PodName, UpOptions } from './lab.ts';
export type { CommandOptions, CommandResult } from './command.ts';
export type { LabMode } from './mesh-plan.ts';
export type { ClusterPhase, ClusterStatus, LabStatus, NodeStatus, PodSummary } from './supervisor/lab-status.ts';
export { parseTopology } from './topology.ts';
export type { ClusterTopology, Topology } from './topology.ts';
export { KubeApiStore } from './kube-api/kube-api-store.ts';
export type { KubeApiStoreOptions } from './kube-api/kube-api-store.ts';
