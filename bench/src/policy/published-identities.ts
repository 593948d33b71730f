import type { MemoryKvStore } from '@clustermesh/kvstore';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  freshnessCodec,
  freshnessKey,
  identityCodec,
  ipIdentityCodec,
  kindByName,
  nodeCodec,
  parseLabel,
  rfc3339,
} from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity, KindName } from '@clustermesh/wire';

export const west = { name: 'west' as ClusterName, id: 1 as ClusterId };
const east = { name: 'east' as ClusterName, id: 2 as ClusterId };
export const nodeName = 'node-1';
const nodeIp = '172.30.1.11';

/** Of the other cluster, before anything is measured. */
export const identitiesBefore = 10_000;
export const appCount = 1_000;
export const namespaceCount = 100;
const perCluster = 65_536;
const kinds: readonly KindName[] = ['nodes', 'identities', 'ip', 'services'];

/** The number of the other cluster's identity comes round: what is measured is never there twice. */
export function identityValue(index: number): { readonly number: number; readonly value: Uint8Array } {
  const labels = labelsOf(`app-${index % appCount}`, `ns-${index % namespaceCount}`, east.name, [`k8s:pod=${index}`]);
  return { number: numberOf(index), value: identityCodec.encode(labels) };
}

export function identityKey(index: number): string {
  return kindByName.identities.cachePrefix(east.name) + String(numberOf(index));
}

function numberOf(index: number): number {
  return east.id * perCluster + 1 + (index % (perCluster - 1));
}

function labelsOf(app: string, namespace: string, cluster: string, more: readonly string[] = []) {
  return [
    `k8s:app=${app}`,
    `k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=${namespace}`,
    `k8s:io.cilium.k8s.policy.cluster=${cluster}`,
    'k8s:io.cilium.k8s.policy.serviceaccount=default',
    `k8s:io.kubernetes.pod.namespace=${namespace}`,
    ...more,
  ].map(parseLabel);
}

/** What the stores of a mesh of two would have: our own cluster's pods, and the other's identities. */
export async function publishClusters(store: MemoryKvStore): Promise<void> {
  const put = async (key: string, value: Uint8Array | string): Promise<void> => {
    await store.commit([{ kind: 'put', key, value: Buffer.from(value) }]);
  };
  await put(`${kindByName.nodes.statePrefix(west.name)}${nodeName}`, nodeCodec.encode(ownNode()));
  const now = rfc3339(Date.now());
  const capabilities = {
    ...{ syncedCanaries: true, cached: true, endpointSlicesExportMode: '' },
    maxConnectedClusters: 255,
  } as const;
  await put(clusterConfigKey(east.name), clusterConfigCodec.encode({ id: east.id, capabilities }));
  const freshness = { connected: true, since: now, lastContact: now, sourceRevision: '1', storeId: 'a' };
  await put(freshnessKey(east.name), freshnessCodec.encode({ ...freshness, writtenAt: now, overQuota: 0 }));
  for (let index = 0; index < identitiesBefore; index++) await put(identityKey(index), identityValue(index).value);
  for (const kind of kinds) {
    await put(canaryKey(west.name, kindByName[kind].stateCanary), now);
    await put(canaryKey(east.name, kindByName[kind].cacheCanary), now);
  }
}

/** A pod of this node as our own cluster publishes it. */
export async function publishPod(
  store: MemoryKvStore,
  pod: { readonly index: number; readonly app: string; readonly ip: string },
): Promise<void> {
  const id = (west.id * perCluster + 1 + pod.index) as IpIdentity['id'];
  const labels = labelsOf(pod.app, 'demo', west.name);
  const value = {
    ...{ ip: pod.ip, mask: null, hostIp: nodeIp, id, key: 0, metadata: '' },
    ...{ k8sNamespace: 'demo', k8sPodName: pod.app, k8sServiceAccount: '', namedPorts: [] },
  };
  await store.commit([
    { kind: 'put', key: `${kindByName.identities.statePrefix(west.name)}${id}`, value: identityCodec.encode(labels) },
    { kind: 'put', key: `${kindByName.ip.statePrefix(west.name)}${pod.ip}`, value: ipIdentityCodec.encode(value) },
  ]);
}

function ownNode(): Parameters<typeof nodeCodec.encode>[0] {
  return {
    name: nodeName,
    cluster: west.name,
    clusterId: west.id,
    ipAddresses: [{ type: 'InternalIP', ip: nodeIp }],
    ...{ ipv4AllocCidr: null, ipv4SecondaryAllocCidrs: null, ipv6AllocCidr: null, ipv6SecondaryAllocCidrs: null },
    ...{ ipv4HealthIp: '', ipv6HealthIp: '', ipv4IngressIp: '', ipv6IngressIp: '', source: 'custom-resource' },
    ...{ encryptionKey: 0, labels: null, annotations: null, wireguardPubKey: '', bootId: '' },
  };
}
