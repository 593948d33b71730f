import { parseIp } from './address.ts';
import type { ClusterId, ClusterName, MaxConnectedClusters } from './cluster.ts';
import type { ClusterEndpointSlice } from './endpoint-slice.ts';
import { policyClusterLabel, type LabelArray } from './identity.ts';
import { coveredPrefix, ipKeyName, type IpIdentity } from './ip-identity.ts';
import type { MeshNode } from './node.ts';
import { identityRange, isClusterIndependent, isWorldIdentity, numericIdentity } from './numeric-identity.ts';
import { quoted } from './quoted.ts';
import type { ClusterService, PortConfiguration } from './service.ts';
import type { ServiceExport } from './service-export.ts';

/** Whose entries these are, as the reader knows it from its own configuration and the peer's cluster config. */
export interface SourceContext {
  readonly cluster: ClusterName;
  readonly clusterId: ClusterId;
  readonly maxConnectedClusters: MaxConnectedClusters;
}

/** Does the value agree with its key, its cluster and its range (I6)? The reason why not, or undefined. */
export type Validate<T> = (context: SourceContext, keyName: string, value: T) => string | undefined;

export const validateNode: Validate<MeshNode> = (context, keyName, node) =>
  differs('cluster', node.cluster, context.cluster) ??
  differs('cluster id', node.clusterId, context.clusterId) ??
  (node.name === '' ? 'node has no name' : differs('name', node.name, keyName));

export const validateIpIdentity: Validate<IpIdentity> = (context, keyName, value) =>
  differs('address', ipKeyName(value), keyName) ??
  (coveredPrefix(value) === undefined ? 'no address or network' : undefined) ??
  checkIdentityOfIp(context, value.id);

/** An address that is published as part of the world would lie in no network that a policy names: not in its exceptions either. */
export function checkIdentityOfIp(context: SourceContext, id: number): string | undefined {
  if (isWorldIdentity(id)) return `identity ${id} is the world`;
  return isClusterIndependent(id) ? undefined : outOfRange(context, id);
}

/** Pods have some ten; what compares all with all must not have a million. */
const maxLabels = 512;

/**
 * Every label that names the cluster must name this one: Cilium asks for one that does, but a second one under the
 * same key would win when the list becomes a map. Who has a reserved label would be a host, or the world, to policies.
 */
export const validateIdentity: Validate<LabelArray> = (context, keyName, labels) => {
  const id = numericIdentity(keyName);
  if (!id.ok) return id.reason;
  if (labels.length > maxLabels) return `identity has more than ${maxLabels} labels`;
  const reserved = labels.find(({ source }) => source === 'reserved');
  if (reserved !== undefined) return `identity claims a reserved label: ${quoted(reserved.key)}`;
  const clusterLabels = labels.filter(({ key }) => key === policyClusterLabel);
  const isOurs = clusterLabels.every(({ source, value }) => source === 'k8s' && value === context.cluster);
  if (clusterLabels.length === 0 || !isOurs) return `identity is not labelled as one of cluster ${context.cluster}`;
  return outOfRange(context, id.value);
};

export const validateService: Validate<ClusterService> = (context, keyName, service) =>
  validateNamespaced(context, keyName, service) ??
  differs('cluster id', service.clusterId, context.clusterId) ??
  invalidAddress(service.frontends) ??
  invalidAddress(service.backends);

export const validateEndpointSlice: Validate<ClusterEndpointSlice> = (context, keyName, slice) =>
  validateNamespaced(context, keyName, slice) ??
  differs('cluster id', slice.clusterId, context.clusterId) ??
  invalidSliceAddress(slice);

/**
 * IP families and the internal traffic policy are taken as they are: whether readers of 1.20 refuse unknown ones is in
 * doubt (protocol.md §14.4), and older ones do not look at them.
 */
export const validateServiceExport: Validate<ServiceExport> = (context, keyName, value) =>
  validateNamespaced(context, keyName, value) ??
  (value.exportCreationTimestamp === null ? 'export has no creation time' : undefined) ??
  notOneOf('type', value.type, ['ClusterSetIP', 'Headless']) ??
  notOneOf('session affinity', value.sessionAffinity, ['ClientIP', 'None']) ??
  notOneOf('traffic distribution', value.trafficDistribution, trafficDistributions);

const trafficDistributions = ['', 'PreferClose', 'PreferSameZone', 'PreferSameNode'];

interface Namespaced {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

function validateNamespaced(context: SourceContext, keyName: string, value: Namespaced): string | undefined {
  if (!isName(value.namespace) || !isName(value.name)) return 'namespace or name is no name';
  return (
    differs('cluster', value.cluster, context.cluster) ??
    differs('namespace and name', `${value.namespace}/${value.name}`, keyName)
  );
}

/** Without a slash, which would make two objects of one key; as long as Kubernetes allows. */
function isName(text: string): boolean {
  return text !== '' && text.length <= 253 && !text.includes('/');
}

function differs(what: string, got: string | number, expected: string | number): string | undefined {
  return got === expected ? undefined : `${what} is ${quoted(String(got))}, expected ${quoted(String(expected))}`;
}

function notOneOf(what: string, got: string, allowed: readonly string[]): string | undefined {
  return allowed.includes(got) ? undefined : `unknown ${what} ${quoted(got)}`;
}

function outOfRange(context: SourceContext, id: number): string | undefined {
  const { first, last } = identityRange(context.clusterId, context.maxConnectedClusters);
  return id >= first && id <= last ? undefined : `identity ${id} is not one of cluster ${context.cluster}`;
}

function invalidAddress(ports: Readonly<Record<string, PortConfiguration | null>> | null): string | undefined {
  const invalid = Object.keys(ports ?? {}).find((text) => parseIp(text) === undefined);
  return invalid === undefined ? undefined : `${quoted(invalid)} is not an IP address`;
}

/** IPv4 slices carry dotted quads, IPv6 slices any IPv6 text, also a mapped one. */
function invalidSliceAddress({ addressType, endpoints }: ClusterEndpointSlice): string | undefined {
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return `unknown address type ${quoted(addressType)}`;
  const isOfType = (text: string): boolean =>
    parseIp(text) !== undefined && text.includes(':') === (addressType === 'IPv6');
  const invalid = endpoints.flatMap(({ addresses }) => addresses).find((text) => !isOfType(text));
  return invalid === undefined ? undefined : `${quoted(invalid)} is not an ${addressType} address`;
}
