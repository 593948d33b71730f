import type { CiliumEndpoint, CiliumEndpointNetworking, CiliumEndpointSlice, ObjectMeta } from '@clustermesh/kube';
import { canonicalIp } from '@clustermesh/wire';
import type { IpIdentity, NumericIdentity } from '@clustermesh/wire';

import { withoutNulls } from './nil.ts';

/** One endpoint, whichever object tells of it. */
interface EndpointFacts {
  readonly namespace: string;
  readonly name: string;
  readonly id: number | undefined;
  readonly key: number | undefined;
  readonly serviceAccount: string | undefined;
  readonly networking: CiliumEndpointNetworking | undefined;
}

/** Entries as Cilium's apiserver 1.20 makes them (protocol.md §7.4), one an address. */
export function entriesOfCiliumEndpoint({ metadata, status = {} }: CiliumEndpoint): readonly IpIdentity[] {
  const { identity, encryption, networking, 'service-account': serviceAccount } = status;
  const { namespace = '', name } = metadata;
  return entries({ namespace, name, id: identity?.id, key: encryption?.key, serviceAccount, networking });
}

export function entriesOfCiliumEndpointSlice({
  namespace = '',
  endpoints = [],
}: CiliumEndpointSlice): readonly IpIdentity[] {
  return endpoints.flatMap(({ name = '', id, encryption, networking, 'service-account': serviceAccount }) =>
    entries({ namespace, name, id, key: encryption?.key, serviceAccount, networking }),
  );
}

/** An endpoint that has no identity yet is written with 0, as Cilium does. */
function entries({ namespace, name, id, key, serviceAccount, networking }: EndpointFacts): IpIdentity[] {
  const { addressing = [], node = '' } = networking ?? {};
  const ips = addressing
    .flatMap(({ ipv4 = '', ipv6 = '' }) => [canonicalIp(ipv4) ?? [], canonicalIp(ipv6) ?? []])
    .flat();
  return ips.map((ip) => ({
    ip,
    mask: null,
    hostIp: canonicalIp(node) ?? '',
    id: ((id ?? 0) >>> 0) as NumericIdentity,
    key: (key ?? 0) & 0xff,
    metadata: '',
    k8sNamespace: namespace,
    k8sPodName: name,
    k8sServiceAccount: serviceAccount ?? '',
    namedPorts: [],
  }));
}

/** What is kept of an endpoint: its health, policy and history are many times as much. */
export function keptCiliumEndpoint({ metadata, status }: CiliumEndpoint): CiliumEndpoint {
  const { identity, encryption, networking, 'service-account': serviceAccount } = status ?? {};
  return withoutNulls({
    metadata: keptMeta(metadata),
    status: {
      ...(identity?.id === undefined ? {} : { identity: { id: identity.id } }),
      ...(encryption === undefined ? {} : { encryption }),
      ...(networking === undefined ? {} : { networking }),
      ...(serviceAccount === undefined ? {} : { 'service-account': serviceAccount }),
    },
  });
}

export function keptCiliumEndpointSlice(slice: CiliumEndpointSlice): CiliumEndpointSlice {
  const { metadata, namespace, endpoints } = slice;
  return withoutNulls({ metadata: keptMeta(metadata), namespace: namespace ?? '', endpoints: endpoints ?? [] });
}

function keptMeta({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
