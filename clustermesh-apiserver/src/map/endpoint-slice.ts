import type { Endpoint, EndpointSlice } from '@clustermesh/kube';
import type { ClusterEndpointSlice, SliceEndpoint } from '@clustermesh/wire';

import type { LocalCluster } from './local-cluster.ts';

/**
 * One slice as it is, whatever the readiness of its endpoints (protocol.md §2.8): labels and annotations unfiltered,
 * addresses as they are spelled. An object of the API may have null where nothing is said.
 */
export function clusterEndpointSlice(slice: EndpointSlice, cluster: LocalCluster): ClusterEndpointSlice {
  const { metadata, addressType, endpoints, ports } = slice;
  return {
    cluster: cluster.name,
    clusterId: cluster.id,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    addressType,
    endpoints: (endpoints ?? []).map(sliceEndpoint),
    ports: (ports ?? []).map(({ name, protocol, port }) => ({
      name: said(name),
      protocol: said(protocol),
      port: said(port),
    })),
  };
}

/** Hints of a kind that the wire does not know leave an empty message, as at Cilium. */
function sliceEndpoint(endpoint: Endpoint): SliceEndpoint {
  const { addresses, conditions, hints } = endpoint;
  const forZones = (hints?.forZones ?? []).map(({ name }) => ({ name }));
  return {
    addresses,
    conditions: {
      ready: said(conditions?.ready),
      serving: said(conditions?.serving),
      terminating: said(conditions?.terminating),
    },
    hostname: said(endpoint.hostname),
    deprecatedTopology: endpoint.deprecatedTopology ?? {},
    nodeName: said(endpoint.nodeName),
    zone: said(endpoint.zone),
    hints: hints ? { forZones } : undefined,
  };
}

function said<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined;
}
