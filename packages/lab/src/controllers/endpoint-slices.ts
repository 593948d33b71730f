import type { Endpoint, EndpointSlice, Node, Pod, Service, ServicePort } from '@clustermesh/kube';
import { isIPv4, isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

import type { Action } from './action.ts';
import { matches } from './daemon-set.ts';
import { isReady, isTerminating } from './owned-pods.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
const zoneLabel = 'topology.kubernetes.io/zone';
/** Kubernetes' own default. */
const endpointsPerSlice = 100;

type IpFamily = 'IPv4' | 'IPv6';
const defaultFamilies: readonly IpFamily[] = ['IPv4'];

/** What one set of slices is made for. */
interface SliceScope {
  readonly service: Service;
  readonly family: IpFamily;
}

type SlicePorts = NonNullable<EndpointSlice['ports']>;

export interface SliceInputs {
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly slices: readonly EndpointSlice[];
}

/** Slices of every service with a selector; only slices of this controller are touched. */
export function reconcileEndpointSlices({ services, pods, nodes, slices }: SliceInputs): readonly Action[] {
  const zoneByNode = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[zoneLabel]]));
  const wanted = new Map<string, EndpointSlice>();
  for (const service of services) {
    if (service.spec?.selector === undefined || isTerminating(service)) continue;
    for (const family of service.spec.ipFamilies ?? defaultFamilies) {
      for (const slice of slicesOf({ service, family }, pods, zoneByNode)) wanted.set(keyOf(slice), slice);
    }
  }
  const owned = slices.filter(({ metadata }) => metadata.labels?.[managedByLabel] === managedBy);
  const existing = new Map(owned.map((slice) => [keyOf(slice), slice]));
  return [
    ...[...wanted].flatMap(([key, slice]) => createOrUpdate(slice, existing.get(key))),
    ...owned
      .filter((slice) => !wanted.has(keyOf(slice)))
      .map((object): Action => ({ kind: 'delete', type: 'endpointSlices', object })),
  ];
}

/**
 * Pods may give a named port different numbers: then they are in different slices. A service without endpoints
 * keeps one empty slice, as in Kubernetes.
 */
function slicesOf(
  scope: SliceScope,
  pods: readonly Pod[],
  zoneByNode: ReadonlyMap<string, string | undefined>,
): readonly EndpointSlice[] {
  const { service } = scope;
  const members = pods.filter((pod) => isMember(scope, pod));
  const groups = new Map<string, { readonly ports: SlicePorts; readonly endpoints: Endpoint[] }>();
  for (const pod of members) {
    const ports = portsOf(service, pod);
    const group = groups.get(JSON.stringify(ports)) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(scope, pod, zoneByNode));
    groups.set(JSON.stringify(ports), group);
  }
  if (groups.size === 0) groups.set('', { ports: portsOf(service, undefined), endpoints: [] });
  const parts = [...groups.values()].flatMap(({ ports, endpoints }) =>
    chunks(endpoints, endpointsPerSlice).map((part) => ({ ports, endpoints: part })),
  );
  return parts.map((part, index) => sliceOf(scope, index, part));
}

function isMember({ service: { metadata, spec }, family }: SliceScope, pod: Pod): boolean {
  const isFinished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return (
    pod.metadata.namespace === metadata.namespace &&
    addressOf(pod, family) !== undefined &&
    !isFinished &&
    matches(spec?.selector, pod.metadata.labels)
  );
}

/** A pod without an address of that family (in the host's network, say) is in no slice of it. */
function addressOf({ status }: Pod, family: IpFamily): string | undefined {
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  return addresses.find((address) => (family === 'IPv6' ? isIPv6(address) : isIPv4(address)));
}

function endpointOf(
  { service, family }: SliceScope,
  pod: Pod,
  zoneByNode: ReadonlyMap<string, string | undefined>,
): Endpoint {
  const { nodeName = '' } = pod.spec;
  const zone = zoneByNode.get(nodeName);
  const { namespace = '', name, uid = '' } = pod.metadata;
  const terminating = isTerminating(pod);
  const serving = isReady(pod);
  return {
    addresses: [addressOf(pod, family) ?? ''],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    targetRef: { kind: 'Pod', namespace, name, uid },
    nodeName,
    ...(zone === undefined ? {} : { zone }),
  };
}

/** A port that the pod does not name is left out of its slice. */
function portsOf({ spec }: Service, pod: Pod | undefined): SlicePorts {
  return (spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPort(servicePort, pod);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    return [{ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPort(
  { targetPort: target, port, protocol = 'TCP' }: ServicePort,
  pod: Pod | undefined,
): number | undefined {
  if (typeof target !== 'string') return target ?? port;
  const ports = pod?.spec.containers.flatMap(({ ports: declared = [] }) => declared) ?? [];
  return ports.find((declared) => declared.name === target && (declared.protocol ?? 'TCP') === protocol)?.containerPort;
}

function sliceOf(
  { service: { metadata }, family }: SliceScope,
  index: number,
  part: { readonly ports: SlicePorts; readonly endpoints: readonly Endpoint[] },
): EndpointSlice {
  const { name, namespace = 'default', uid = '' } = metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family === 'IPv6' ? 'v6-' : ''}${index}`,
      namespace,
      labels: { ...metadata.labels, [serviceLabel]: name, [managedByLabel]: managedBy },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true }],
    },
    addressType: family,
    endpoints: part.endpoints,
    ports: part.ports,
  };
}

function createOrUpdate(wanted: EndpointSlice, existing: EndpointSlice | undefined): readonly Action[] {
  if (existing === undefined) return [{ kind: 'create', type: 'endpointSlices', object: wanted }];
  const isSame =
    isDeepStrictEqual(existing.endpoints ?? [], wanted.endpoints) &&
    isDeepStrictEqual(existing.ports ?? [], wanted.ports) &&
    isDeepStrictEqual(existing.metadata.labels, wanted.metadata.labels);
  if (isSame) return [];
  const { resourceVersion, uid } = existing.metadata;
  const metadata = {
    ...wanted.metadata,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(uid === undefined ? {} : { uid }),
  };
  return [{ kind: 'update', type: 'endpointSlices', object: { ...wanted, metadata } }];
}

function keyOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** At least one part, also of nothing. */
function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.max(1, Math.ceil(items.length / size));
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
