import type { Endpoint, EndpointSlice, KubeObject, ObjectMeta, Service, ServiceSpec } from '@clustermesh/kube';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
/** Slices that a mesh made of remote backends: they come to us by the mesh itself (protocol.md §8.11). */
export const meshController = 'endpointslice-mesh-controller.cilium.io';
/** Asks for backends of the client's zone; the first is its name of before. */
export const topologyAnnotations = [
  'service.kubernetes.io/topology-aware-hints',
  'service.kubernetes.io/topology-mode',
] as const;

/** In the names of all other annotations that the mesh reads. */
const annotationMark = 'cilium';

/** Services and slices are kept by the ten thousands on every node: of each only what we and the list-watch read. */
export function keptService(service: Service): Service {
  const annotations = picked(
    service.metadata.annotations,
    (name) => name.includes(annotationMark) || topologyAnnotations.some((topology) => topology === name),
  );
  const { labels = {} } = service.metadata;
  const metadata = { ...keptMeta(service), annotations, labels };
  return service.spec === undefined ? { metadata } : { metadata, spec: keptSpec(service.spec) };
}

export function keptSlice(slice: EndpointSlice): EndpointSlice {
  const labels = picked(slice.metadata.labels, (name) => name === serviceNameLabel || name === managedByLabel);
  return {
    metadata: { ...keptMeta(slice), labels },
    addressType: slice.addressType,
    endpoints: (slice.endpoints ?? []).map(keptEndpoint),
    ports: (slice.ports ?? []).map(({ name = '', protocol = 'TCP', port }) =>
      port === undefined ? { name, protocol } : { name, protocol, port },
    ),
  };
}

function keptMeta({ metadata }: KubeObject): ObjectMeta {
  const { name, namespace = '', uid = '', resourceVersion = '' } = metadata;
  return { name, namespace, uid, resourceVersion };
}

function keptSpec({ clusterIP, clusterIPs, ports = [], ...spec }: ServiceSpec): ServiceSpec {
  const { sessionAffinity, sessionAffinityConfig, selector, internalTrafficPolicy, trafficDistribution } = spec;
  return {
    clusterIPs: clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]),
    ports: ports.map(({ name = '', protocol = 'TCP', port }) => ({ name, protocol, port })),
    ...(selector === undefined ? {} : { selector }),
    ...(sessionAffinity === undefined ? {} : { sessionAffinity }),
    ...(sessionAffinityConfig === undefined ? {} : { sessionAffinityConfig }),
    ...(internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy }),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
  };
}

function keptEndpoint({ addresses, conditions, zone, nodeName, hints }: Endpoint): Endpoint {
  const forZones = hints?.forZones ?? [];
  return {
    addresses,
    conditions: keptConditions(conditions),
    ...(zone === undefined ? {} : { zone }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(forZones.length === 0 ? {} : { hints: { forZones: forZones.map(({ name }) => ({ name })) } }),
  };
}

type Conditions = NonNullable<Endpoint['conditions']>;

const isReady: Conditions = {};
const isServing: Conditions = { ready: false, serving: true };
const isDown: Conditions = { ready: false, serving: false };

/** The same objects for all endpoints; what is absent is so on purpose (local-service.ts of select). */
function keptConditions({ ready = true, serving = ready }: Conditions = {}): Conditions {
  if (ready) return isReady;
  return serving ? isServing : isDown;
}

function picked(
  values: Readonly<Record<string, string>> | undefined,
  isRead: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => isRead(name)));
}
