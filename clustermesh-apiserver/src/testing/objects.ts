import { endpointSlices, namespaces, nodes, pods, services } from '@clustermesh/kube';
import type { EndpointSlice, KubeClient, KubeObject, Namespace, Node, Pod, Resource, Service } from '@clustermesh/kube';
import type { ClusterId, ClusterName } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';

export const east: LocalCluster = { name: 'east' as ClusterName, id: 1 as ClusterId, maxConnectedClusters: 255 };

type Text = Readonly<Record<string, string>>;

export function aNamespace(name: string, annotations: Text = {}, labels: Text = {}): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
  };
}

export function aNode(name: string, ip: string, podCidrs: readonly string[] = []): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { podCIDRs: podCidrs },
    status: {
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: { bootID: `boot-${name}` },
    },
  };
}

/** A running pod of namespace `default`. */
export function aPod(name: string, ip: string, labels: Text = { app: 'web' }): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, labels },
    spec: { nodeName: 'n1', serviceAccountName: 'default', containers: [{ name: 'main', image: 'web' }] },
    status: { phase: 'Running', hostIP: '172.18.0.2', podIP: ip, podIPs: [{ ip }] },
  };
}

export const globalAnnotation = { 'service.cilium.io/global': 'true' };

export function aService(name: string, annotations: Text = globalAnnotation): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name, annotations },
    spec: {
      clusterIP: '10.101.0.5',
      clusterIPs: ['10.101.0.5'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      selector: { app: name },
    },
  };
}

/** A global service whose cluster IP the API server chooses. */
export function aFurtherService(namespace: string, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, annotations: globalAnnotation },
    spec: { ports: [{ port: 80, protocol: 'TCP' }] },
  };
}

export function aSlice(name: string, service: string, ips: readonly string[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true, serving: true, terminating: false } })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

/** With their status, which a creation alone does not take. */
export async function create(kube: KubeClient, ...objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const resource: Resource<KubeObject> = resourceOf(object);
    const created = await kube.create(resource, object);
    if (!('status' in object)) continue;
    const withStatus: KubeObject & { readonly status: unknown } = { ...created, status: object.status };
    await kube.update(resource, withStatus, { subresource: 'status' });
  }
}

function resourceOf({ kind }: KubeObject): Resource<KubeObject> {
  const all: readonly Resource<KubeObject>[] = [nodes, namespaces, pods, services, endpointSlices];
  return all.find((resource) => resource.kind === kind) ?? pods;
}

/** The default workload: one node, a pod behind a global service. */
export async function populate(kube: KubeClient): Promise<void> {
  const node = aNode('n1', '172.18.0.2', ['10.1.0.0/24']);
  await create(kube, node, aPod('web-0', '10.1.0.5'), aService('web'), aSlice('web-a', 'web', ['10.1.0.5']));
}
