import type { Endpoint, EndpointSlice, KubeObject, ObjectMeta, Service, ServiceSpec } from '@clustermesh/kube';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

/** In the names of all annotations that the mesh reads. */
const annotationMark = 'cilium';

/** Services and slices are kept by the ten thousands on every node: of each only what we and the list-watch read. */
export function keptService(service: Service): Service {
  const annotations = picked(service.metadata.annotations, (name) => name.includes(annotationMark));
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
  const { sessionAffinity, sessionAffinityConfig, selector } = spec;
  return {
    clusterIPs: clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]),
    ports: ports.map(({ name = '', protocol = 'TCP', port }) => ({ name, protocol, port })),
    ...(selector === undefined ? {} : { selector }),
    ...(sessionAffinity === undefined ? {} : { sessionAffinity }),
    ...(sessionAffinityConfig === undefined ? {} : { sessionAffinityConfig }),
  };
}

function keptEndpoint({ addresses, conditions, zone }: Endpoint): Endpoint {
  const kept = { addresses, conditions: keptConditions(conditions) };
  return zone === undefined ? kept : { ...kept, zone };
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
