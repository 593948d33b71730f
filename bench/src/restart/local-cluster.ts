import type { EndpointSlice, KubeClient, Service } from '@clustermesh/kube';
import { endpointSlices, services } from '@clustermesh/kube';
import type { KvOp } from '@clustermesh/kvstore';
import { canaryKey, clusterConfigCodec, clusterConfigKey, kinds, rfc3339 } from '@clustermesh/wire';
import type { ClusterId, ClusterName } from '@clustermesh/wire';

export const west = { name: 'west' as ClusterName, id: 2 as ClusterId };

export const namespace = 'default';
export const servicePort = { name: 'http', port: 80 };
export const backendPort = 8080;
const creationsAtATime = 32;

export function serviceName(index: number): string {
  return `service-${index}`;
}

/** Inside 10.96.0.0/16, where Kubernetes has its services. */
export function clusterIp(index: number): string {
  return `10.96.${1 + (index >> 8)}.${index & 255}`;
}

/** A cluster that publishes nothing, completely. */
export function quietState(nowMs: number, { name, id } = west): readonly KvOp[] {
  const config = {
    id,
    capabilities: { syncedCanaries: true, cached: false, maxConnectedClusters: 255, endpointSlicesExportMode: '' },
  } as const;
  const written = Buffer.from(rfc3339(nowMs));
  return [
    { kind: 'put', key: clusterConfigKey(name), value: clusterConfigCodec.encode(config) },
    ...kinds
      .filter((kind) => kind.enabled(config))
      .map((kind) => ({ kind: 'put', key: canaryKey(name, kind.stateCanary), value: written }) as const),
  ];
}

/** Global services, each with a slice of `backends` pods of this cluster. */
export async function createServices(kube: KubeClient, count: number, backends: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      await kube.create(services, service(index));
      await kube.create(endpointSlices, slice(index, backends));
    }
  };
  await Promise.all(Array.from({ length: creationsAtATime }, worker));
}

function service(index: number): Service {
  const name = serviceName(index);
  const ip = clusterIp(index);
  return {
    metadata: { name, namespace, annotations: { 'service.cilium.io/global': 'true' } },
    spec: {
      clusterIP: ip,
      clusterIPs: [ip],
      selector: { app: name },
      ports: [{ ...servicePort, protocol: 'TCP', targetPort: backendPort }],
    },
  };
}

function slice(index: number, backends: number): EndpointSlice {
  const name = serviceName(index);
  const address = (at: number): string => {
    const pod = index * backends + at;
    return `10.1.${(pod >> 8) & 255}.${pod & 255}`;
  };
  return {
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ ...servicePort, protocol: 'TCP', port: backendPort }],
    endpoints: Array.from({ length: backends }, (_, at) => ({
      addresses: [address(at)],
      conditions: { ready: true, serving: true, terminating: false },
    })),
  };
}
