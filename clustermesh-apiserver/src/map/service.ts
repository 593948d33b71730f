import type { Endpoint, EndpointSlice, Service } from '@clustermesh/kube';
import { canonicalIp } from '@clustermesh/wire';
import type { BackendZone, ClusterService, L4Addr, PortConfiguration } from '@clustermesh/wire';

import type { LocalCluster } from './local-cluster.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';

/** Who writes other clusters' endpoints into this cluster's slices: never to be published as ours. */
const meshController = 'endpointslice-mesh-controller.cilium.io';

/** The service whose backends a slice lists, `namespace/name`; undefined when it says nothing to the mesh. */
export function serviceOfSlice({ metadata, addressType }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  if (name === undefined || name === '' || addressType === 'FQDN') return undefined;
  return metadata.labels?.[managedByLabel] === meshController ? undefined : `${metadata.namespace ?? ''}/${name}`;
}

/**
 * The value of a global, shared service (protocol.md §7.5). One IP in several slices has the ports of all of them. An
 * object of the API may have null where nothing is said.
 */
export function clusterService(
  service: Service,
  slices: readonly EndpointSlice[],
  cluster: LocalCluster,
): ClusterService {
  const backends = new Backends();
  for (const slice of slices.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) backends.add(slice);
  return {
    cluster: cluster.name,
    namespace: service.metadata.namespace ?? '',
    name: service.metadata.name,
    frontends: frontends(service),
    backends: Object.fromEntries(backends.ports),
    hostnames: Object.fromEntries(backends.hostnames),
    zones: Object.fromEntries(backends.zones),
    labels: service.metadata.labels ?? {},
    selector: service.spec?.selector ?? {},
    includeExternal: true,
    shared: true,
    clusterId: cluster.id,
  };
}

/** Services without a cluster IP (headless, ExternalName) have none: an empty key would void the whole value. */
function frontends({ metadata, spec = {} }: Service): Record<string, PortConfiguration> {
  const isHeadless = metadata.labels?.[headlessLabel] !== undefined || spec.clusterIP?.toLowerCase() === 'none';
  if (isHeadless) return {};
  const { clusterIP = '', clusterIPs = [] } = spec;
  const clusterIps = clusterIPs.length === 0 ? [clusterIP] : clusterIPs;
  const ports = Object.fromEntries(
    (spec.ports ?? []).map((port) => [port.name ?? '', l4Addr(port.protocol, port.port)]),
  );
  return Object.fromEntries(clusterIps.flatMap((text) => canonicalIp(text) ?? []).map((ip) => [ip, ports]));
}

/** What the slices of one service say of its backends, by IP. */
class Backends {
  readonly ports = new Map<string, PortConfiguration>();
  readonly hostnames = new Map<string, string>();
  readonly zones = new Map<string, BackendZone>();

  add(slice: EndpointSlice): void {
    const ports = slicePorts(slice);
    for (const endpoint of slice.endpoints ?? []) {
      if (isUsable(endpoint)) for (const text of endpoint.addresses) this.#addAddress(text, ports, endpoint);
    }
  }

  #addAddress(text: string, ports: PortConfiguration, { hostname, zone, hints }: Endpoint): void {
    const ip = canonicalIp(text);
    if (ip === undefined) return;
    const known = this.ports.get(ip);
    this.ports.set(ip, known === undefined ? ports : { ...known, ...ports });
    if (hostname) this.hostnames.set(ip, hostname);
    if (zone) this.zones.set(ip, { zone, forZones: (hints?.forZones ?? []).map(({ name }) => ({ name })) });
  }
}

/** A port that a slice does not number cannot be published. */
function slicePorts(slice: EndpointSlice): PortConfiguration {
  const numbered = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    typeof port === 'number' ? [[name ?? '', l4Addr(protocol, port)] as const] : [],
  );
  return Object.fromEntries(numbered);
}

/** Absent `ready` means ready; absent `serving` means as ready. Terminating backends still serving stay listed. */
function isUsable({ conditions }: Endpoint): boolean {
  const ready = conditions?.ready ?? true;
  return ready || (conditions?.serving ?? ready);
}

function l4Addr(protocol: string | undefined, port: number): L4Addr {
  return { protocol: protocol ?? 'TCP', port };
}
