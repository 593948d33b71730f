import type { ClusterService, PortConfiguration } from '@clustermesh/wire';

const none = {};

/** Without what selection does not read: hundreds of clusters publish thousands of services each. */
export function slimService(service: ClusterService): ClusterService {
  const backends = service.backends && sharingPorts(service.backends);
  return { ...service, backends, frontends: none, hostnames: none, labels: none, selector: none };
}

type Backends = NonNullable<ClusterService['backends']>;

/** Backends of a service mostly have the same ports: one object for all of them, as their own would be most of its memory. */
function sharingPorts(backends: Backends): Backends {
  const shared = Object.create(null) as Record<string, PortConfiguration | null>;
  let last: PortConfiguration | null = null;
  for (const [ip, ports] of Object.entries(backends)) {
    if (!areEqual(ports, last)) last = ports;
    shared[ip] = last;
  }
  return shared;
}

function areEqual(one: PortConfiguration | null, other: PortConfiguration | null): boolean {
  if (one === null || other === null) return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => one[name]?.protocol === other[name]?.protocol && one[name]?.port === other[name]?.port)
  );
}
