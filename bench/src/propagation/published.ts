import type { KvOp } from '@clustermesh/kvstore';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  kindByName,
  kinds,
  nodeCodec,
  parseCidr,
} from '@clustermesh/wire';
import { identityCodec, ipIdentityCodec, policyClusterLabel, rfc3339 } from '@clustermesh/wire';
import type {
  ClusterCapabilities,
  ClusterId,
  ClusterName,
  IpIdentity,
  MeshNode,
  NumericIdentity,
} from '@clustermesh/wire';

import { addressCount, changeAt, firstIdentity, identityCount } from './changes.ts';
import type { Change } from './changes.ts';

const nodeIp = '192.0.2.1';
const nodeName = 'node-1';

const capabilities: ClusterCapabilities = {
  syncedCanaries: true,
  cached: false,
  maxConnectedClusters: 255,
  endpointSlicesExportMode: '',
};

export interface PublishedCluster {
  readonly name: ClusterName;
  readonly id: ClusterId;
}

/** The cluster whose identities the changes use. */
export const east: PublishedCluster = { name: 'east' as ClusterName, id: 1 as ClusterId };

/** The cluster that learns of it. */
export const west: PublishedCluster = { name: 'west' as ClusterName, id: 2 as ClusterId };

/** All that a cluster of one node and 1,000 endpoints publishes before its first change, in the order of a writer. */
export function firstState(nowMs: number): KvOp[] {
  const { name } = east;
  return [
    config(east),
    put(`${kindByName.nodes.statePrefix(name)}${nodeName}`, nodeCodec.encode(node())),
    ...Array.from({ length: identityCount }, (_, index) => identity(firstIdentity + index)),
    ...Array.from({ length: addressCount }, (_, index) => published(kindByName.ip.statePrefix(name), changeAt(index))),
    ...canaries(east, nowMs),
  ];
}

/** A cluster that publishes nothing, completely. */
export function quietState(cluster: PublishedCluster, nowMs: number): KvOp[] {
  return [config(cluster), ...canaries(cluster, nowMs)];
}

function config({ name, id }: PublishedCluster): KvOp {
  return put(clusterConfigKey(name), clusterConfigCodec.encode({ id, capabilities }));
}

function canaries({ name, id }: PublishedCluster, nowMs: number): KvOp[] {
  const written = Buffer.from(rfc3339(nowMs));
  return kinds
    .filter((kind) => kind.enabled({ id, capabilities }))
    .map((kind) => put(canaryKey(name, kind.stateCanary), written));
}

/** An endpoint as the kvstore has it. `prefix` is where the cluster publishes its addresses, or a floor's own. */
export function published(prefix: string, { address, identity }: Change): KvOp {
  const value: IpIdentity = {
    ip: address,
    mask: null,
    hostIp: nodeIp,
    id: identity as NumericIdentity,
    key: 0,
    metadata: '',
    k8sNamespace: 'bench',
    k8sPodName: `pod-${address.replaceAll('.', '-')}`,
    k8sServiceAccount: '',
    namedPorts: [],
  };
  return put(prefix + address, ipIdentityCodec.encode(value));
}

function identity(id: number): KvOp {
  const labels = [
    { source: 'k8s', key: 'app', value: `app-${id}` },
    { source: 'k8s', key: policyClusterLabel, value: east.name },
    { source: 'k8s', key: 'io.kubernetes.pod.namespace', value: 'bench' },
  ];
  return put(kindByName.identities.statePrefix(east.name) + String(id), identityCodec.encode(labels));
}

function node(): MeshNode {
  return {
    name: nodeName,
    cluster: east.name,
    ipAddresses: [{ type: 'InternalIP', ip: nodeIp }],
    ipv4AllocCidr: parseCidr('10.200.0.0/16') ?? null,
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
  };
}

function put(key: string, value: Uint8Array): KvOp {
  return { kind: 'put', key, value };
}
