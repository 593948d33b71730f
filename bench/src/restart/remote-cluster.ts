import type { KvOp } from '@clustermesh/kvstore';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  freshnessCodec,
  freshnessKey,
  identityCodec,
  ipIdentityCodec,
  kindByName,
  kinds,
  nodeCodec,
  parseCidr,
  policyClusterLabel,
  rfc3339,
  serviceCodec,
} from '@clustermesh/wire';
import type {
  ClusterCapabilities,
  ClusterId,
  ClusterName,
  NumericIdentity,
  PortConfiguration,
} from '@clustermesh/wire';

import { serviceName, servicePort, backendPort, namespace } from './local-cluster.ts';

export const east = { name: 'east' as ClusterName, id: 1 as ClusterId };

const identityCount = 1_000;
/** Addresses a node: a /22. */
const podsPerNode = 1_024;

export interface RemoteSize {
  readonly addresses: number;
  readonly services: number;
  /** Backends a service. */
  readonly backends: number;
}

/** What kvstoremesh has put into our cache of cluster east: an address is there before a service names it. */
export function* cachedCluster({ addresses, services, backends }: RemoteSize, nowMs: number): Generator<KvOp> {
  const { name, id } = east;
  const capabilities: ClusterCapabilities = {
    syncedCanaries: true,
    cached: true,
    maxConnectedClusters: 255,
    endpointSlicesExportMode: '',
  };
  yield put(clusterConfigKey(name), clusterConfigCodec.encode({ id, capabilities }));
  const at = rfc3339(nowMs);
  const contact = { connected: true, since: at, lastContact: at, writtenAt: at };
  yield put(
    freshnessKey(name),
    freshnessCodec.encode({ ...contact, overQuota: 0, sourceRevision: '1', storeId: 'east' }),
  );
  for (let node = 0; node * podsPerNode < addresses; node++) yield publishedNode(node);
  for (let index = 0; index < identityCount; index++) yield identity(firstIdentity + index);
  for (let index = 0; index < addresses; index++) yield address(index);
  for (let index = 0; index < services; index++) yield service(index, backends, addresses);
  for (const kind of kinds)
    if (kind.enabled({ id, capabilities })) yield put(canaryKey(name, kind.cacheCanary), text(at));
}

const firstIdentity = (east.id << 16) + 1;

/** 10.2.0.0/15. */
export function podAddress(index: number): string {
  return `10.${2 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}

function nodeAddress(node: number): string {
  return `192.0.2.${node + 1}`;
}

function publishedNode(node: number): KvOp {
  const name = `node-${node}`;
  const value = nodeCodec.encode({
    name,
    cluster: east.name,
    ipAddresses: [{ type: 'InternalIP', ip: nodeAddress(node) }],
    ipv4AllocCidr: parseCidr(`${podAddress(node * podsPerNode)}/22`) ?? null,
    ipv4SecondaryAllocCidrs: null,
    ipv6AllocCidr: null,
    ipv6SecondaryAllocCidrs: null,
    ipv4HealthIp: '',
    ipv6HealthIp: '',
    ipv4IngressIp: '',
    ipv6IngressIp: '',
    clusterId: east.id,
    source: 'custom-resource',
    encryptionKey: 0,
    labels: {},
    annotations: {},
    wireguardPubKey: '',
    bootId: '',
  });
  return put(`${kindByName.nodes.cachePrefix(east.name)}${name}`, value);
}

function identity(id: number): KvOp {
  const labels = [
    { source: 'k8s', key: 'app', value: `app-${id}` },
    { source: 'k8s', key: policyClusterLabel, value: east.name },
    { source: 'k8s', key: 'io.kubernetes.pod.namespace', value: namespace },
  ];
  return put(`${kindByName.identities.cachePrefix(east.name)}${id}`, identityCodec.encode(labels));
}

function address(index: number): KvOp {
  const ip = podAddress(index);
  const value = ipIdentityCodec.encode({
    ip,
    mask: null,
    hostIp: nodeAddress(Math.floor(index / podsPerNode)),
    id: (firstIdentity + (index % identityCount)) as NumericIdentity,
    key: 0,
    metadata: '',
    k8sNamespace: namespace,
    k8sPodName: `pod-${index}`,
    k8sServiceAccount: '',
    namedPorts: [],
  });
  return put(`${kindByName.ip.cachePrefix(east.name)}${ip}`, value);
}

function service(index: number, backends: number, addresses: number): KvOp {
  const name = serviceName(index);
  const ports: PortConfiguration = { [servicePort.name]: { protocol: 'TCP', port: backendPort } };
  const ips = Array.from({ length: backends }, (_, at) => podAddress((index * backends + at) % addresses));
  const value = serviceCodec.encode({
    cluster: east.name,
    namespace,
    name,
    frontends: {},
    backends: Object.fromEntries(ips.map((ip) => [ip, ports])),
    hostnames: {},
    zones: {},
    labels: {},
    selector: {},
    includeExternal: true,
    shared: true,
    clusterId: east.id,
  });
  return put(`${kindByName.services.cachePrefix(east.name)}${namespace}/${name}`, value);
}

function put(key: string, value: Uint8Array): KvOp {
  return { kind: 'put', key, value };
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
