export type {
  DeleteOptions,
  KubeClient,
  KubeList,
  KubeObject,
  KubeWatchEvent,
  ListOptions,
  ManagedFieldsEntry,
  ObjectMeta,
  ObjectRef,
  OwnerReference,
  PatchKind,
  Resource,
  Subresource,
} from './kube-client.ts';
export { ciliumEndpoints, ciliumEndpointSlices, ciliumIdentities, ciliumNodes } from './cilium-types.ts';
export type {
  CiliumAddressPair,
  CiliumEndpoint,
  CiliumEndpointNetworking,
  CiliumEndpointSlice,
  CiliumIdentity,
  CiliumNode,
} from './cilium-types.ts';
export { EventRecorder, referenceTo } from './event-recorder.ts';
export type { EventRecorderDeps, Occurrence } from './event-recorder.ts';
export { HttpKubeClient } from './http-kube-client.ts';
export type { HttpKubeOptions } from './http-kube-client.ts';
export { objectKey } from './known-objects.ts';
export type { KubeCredentials, KubeEndpoint } from './kube-endpoint.ts';
export { endpointInCluster, isInCluster } from './in-cluster.ts';
export { endpointFromKubeconfig } from './kubeconfig.ts';
export type { KubeconfigSource } from './kubeconfig-file.ts';
export { ListWatch } from './list-watch.ts';
export type { ListWatchObserver } from './known-objects.ts';
export type { ListWatchDeps, ListWatchOptions } from './list-watch.ts';
export { serviceExports, serviceExportVersions } from './mcs-types.ts';
export type { ServiceExport } from './mcs-types.ts';
export { ServedVersion } from './served-version.ts';
export { skim } from './skim.ts';
export type { Fields } from './skim.ts';
export { KubeStatusError, retryAfterMs } from './status-error.ts';
export type { KubeStatus, StatusCause } from './status-error.ts';
export { apiVersionOf } from './resource-path.ts';
export {
  ciliumClusterwideNetworkPolicies,
  ciliumNetworkPolicies,
  configMaps,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpointSlices,
  events,
  leases,
  namespaces,
  networkPolicies,
  nodes,
  podBindings,
  pods,
  replicaSets,
  secrets,
  serviceAccounts,
  services,
} from './resources.ts';
export type {
  Condition,
  ConfigMap,
  Endpoint,
  EndpointSlice,
  Event,
  LabelSelector,
  Labels,
  Lease,
  Namespace,
  Node,
  ObjectReference,
  PolicyKubeObject,
  Secret,
  Service,
  ServiceAccount,
  ServicePort,
  ServiceSpec,
} from './object-types.ts';
export type {
  Binding,
  Container,
  ContainerState,
  ContainerStatus,
  DaemonSet,
  Deployment,
  EnvVar,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplate,
  Probe,
  ReplicaSet,
  Volume,
} from './workload-types.ts';
export type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JsonSchema,
  PrinterColumn,
} from './custom-resource-definition.ts';
