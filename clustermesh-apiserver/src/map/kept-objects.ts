import type { Endpoint, EndpointSlice, Node, ObjectMeta, Pod, PodStatus, Service } from '@clustermesh/kube';

/**
 * What is kept of an object of the Kubernetes API: as much as its conversion reads. Others' fields and managedFields are ten
 * times that, and would be in memory once an object.
 */
export function keptPod({ metadata, spec, status }: Pod): Pod {
  const { hostNetwork, serviceAccountName } = spec;
  return {
    metadata: labelledMeta(metadata),
    spec: {
      containers: none,
      ...(hostNetwork === true ? { hostNetwork } : {}),
      ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    },
    ...(status === undefined ? {} : { status: keptStatus(status) }),
  };
}

const none: readonly never[] = [];

function keptStatus({ phase, podIP, podIPs, hostIP }: PodStatus): PodStatus {
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(podIP === undefined ? {} : { podIP }),
    ...(podIPs === undefined ? {} : { podIPs }),
    ...(hostIP === undefined ? {} : { hostIP }),
  };
}

export function keptNode({ metadata, spec = {}, status }: Node): Node {
  const { podCIDR, podCIDRs } = spec;
  const bootID = status?.nodeInfo?.['bootID'];
  return {
    metadata: annotatedMeta(metadata),
    spec: { ...(podCIDR === undefined ? {} : { podCIDR }), ...(podCIDRs === undefined ? {} : { podCIDRs }) },
    status: {
      ...(status?.addresses === undefined ? {} : { addresses: status.addresses }),
      ...(bootID === undefined ? {} : { nodeInfo: { bootID } }),
    },
  };
}

export function keptService({ metadata, spec }: Service): Service {
  return { metadata: annotatedMeta(metadata), ...(spec === undefined ? {} : { spec }) };
}

export function keptSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return {
    metadata: annotatedMeta(metadata),
    addressType,
    ...(endpoints === undefined ? {} : { endpoints: endpoints?.map(keptEndpoint) ?? null }),
    ...(ports === undefined ? {} : { ports }),
  };
}

/** Which pod it is nobody asks. */
function keptEndpoint({ targetRef: _, ...rest }: Endpoint): Endpoint {
  return rest;
}

/** Those that every list-watch needs. */
export function keptMeta({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function labelledMeta(metadata: ObjectMeta): ObjectMeta {
  const { labels } = metadata;
  return { ...keptMeta(metadata), ...(labels === undefined ? {} : { labels }) };
}

function annotatedMeta(metadata: ObjectMeta): ObjectMeta {
  const { annotations } = metadata;
  return { ...labelledMeta(metadata), ...(annotations === undefined ? {} : { annotations }) };
}
