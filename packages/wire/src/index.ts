export { canonicalIp, formatIp, isIpv4, parseIp } from './address.ts';
export type { IpBytes } from './address.ts';
export {
  isNamespaceGlobal,
  namespaceAnnotationProblems,
  serviceAnnotationProblems,
  serviceSharing,
} from './annotations.ts';
export type { Annotations, ServiceAffinity, ServiceSharing } from './annotations.ts';
export { ipMask, maskOnes, parseCidr, prefixOf } from './cidr.ts';
export type { Cidr, Prefix } from './cidr.ts';
export { clusterConfigCodec, endpointSlicesExportModes, validateClusterConfig } from './cluster-config.ts';
export type { ClusterCapabilities, ClusterConfig } from './cluster-config.ts';
export { clusterId, clusterName, maxConnectedClusters, validateLocalCluster } from './cluster.ts';
export type { ClusterId, ClusterName, MaxConnectedClusters } from './cluster.ts';
export type { Codec } from './codec.ts';
export { endpointSliceCodec } from './endpoint-slice.ts';
export type { ClusterEndpointSlice, EndpointConditions, ForZone, SliceEndpoint, SlicePort } from './endpoint-slice.ts';
export { freshnessCodec } from './freshness.ts';
export type { Freshness } from './freshness.ts';
export type { GoMap } from './go-json.ts';
export {
  identityCodec,
  identityText,
  namespaceLabelPrefix,
  parseLabel,
  podNamespaceLabel,
  policyClusterLabel,
  policyServiceAccountLabel,
} from './identity.ts';
export type { Label, LabelArray } from './identity.ts';
export { identityLabels } from './identity-labels.ts';
export type { LabelledPod } from './identity-labels.ts';
export { ipEntry, ipEntryReader } from './ip-entry.ts';
export type { IpEntry, ReadIpEntry } from './ip-entry.ts';
export { coveredPrefix, ipIdentityCodec, ipKeyName } from './ip-identity.ts';
export type { IpIdentity, NamedPort } from './ip-identity.ts';
export { jsonMembers, jsonOf } from './json-members.ts';
export type { JsonMember } from './json-members.ts';
export {
  cacheOwnerKey,
  cachePrefix,
  canaryKey,
  clusterConfigKey,
  clusterConfigPrefix,
  freshnessKey,
  freshnessPrefix,
  heartbeatKey,
  metricScope,
  prefixEnd,
  statePrefix,
  syncedPrefix,
} from './keys.ts';
export { kindByName, kinds } from './kinds.ts';
export type { AnyKind, Kind, KindName } from './kinds.ts';
export { nodeCodec, nodeIp } from './node.ts';
export type { MeshNode, NodeAddress } from './node.ts';
export {
  clusterOfIdentity,
  healthIdentity,
  hostIdentity,
  identityRange,
  ingressIdentity,
  firstNetworkIdentity,
  isClusterIndependent,
  isNetworkIdentity,
  isReservedIdentity,
  isUserReservedIdentity,
  numericIdentity,
  remoteNodeIdentity,
  reservedIdentities,
  isWorldIdentity,
  worldIdentity,
  worldIpv4Identity,
  worldIpv6Identity,
} from './numeric-identity.ts';
export type { IdentityRange, NumericIdentity } from './numeric-identity.ts';
export { parseKey } from './parse-key.ts';
export type { EntryKey, ParsedKey } from './parse-key.ts';
export { etcdUsers, rbacRanges, rbacRoles } from './rbac.ts';
export type { KeyRange, RbacRole } from './rbac.ts';
export { parseRfc3339, rfc3339 } from './rfc3339.ts';
export { serviceExportCodec } from './service-export.ts';
export type { ExportedPort, ServiceExport, SessionAffinityConfig } from './service-export.ts';
export { serviceCodec } from './service.ts';
export type { BackendZone, ClusterService, L4Addr, PortConfiguration } from './service.ts';
export type { SourceContext, Validate } from './validate.ts';
