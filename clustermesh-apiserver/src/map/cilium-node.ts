import type { CiliumNode } from '@clustermesh/kube';
import { canonicalIp } from '@clustermesh/wire';
import type { MeshNode, NodeAddress } from '@clustermesh/wire';

import { allocCidrs } from './alloc-cidrs.ts';
import type { LocalCluster } from './local-cluster.ts';
import { nilIfEmpty, nilIfNone, withoutNulls } from './nil.ts';

/** The second is an alias of older agents. */
const wireguardKeyAnnotations = ['network.cilium.io/wg-pub-key', 'io.cilium.network.wg-pub-key'] as const;

/** As Cilium's apiserver makes it (protocol.md §7.3): whatever the object says, it is of this cluster. */
export function meshNodeOfCilium({ metadata, spec: given }: CiliumNode, cluster: LocalCluster): MeshNode {
  const spec = withoutNulls(given ?? {});
  const { addresses = [], health, ingress, encryption, bootid = '' } = spec;
  return {
    name: metadata.name,
    cluster: cluster.name,
    ipAddresses: nilIfEmpty(addresses.flatMap(nodeAddress)),
    ...allocCidrs(podCidrs(spec)),
    ipv4HealthIp: ipOrNone(health?.ipv4),
    ipv6HealthIp: ipOrNone(health?.ipv6),
    ipv4IngressIp: ipOrNone(ingress?.ipv4),
    ipv6IngressIp: ipOrNone(ingress?.ipv6),
    clusterId: cluster.id,
    source: 'custom-resource',
    encryptionKey: (encryption?.key ?? 0) & 0xff,
    labels: nilIfNone(metadata.labels),
    annotations: nilIfNone(metadata.annotations),
    wireguardPubKey: wireguardKey(metadata.annotations ?? {}),
    bootId: bootid,
  };
}

type Spec = NonNullable<CiliumNode['spec']>;

function nodeAddress({ type = '', ip = '' }: NonNullable<Spec['addresses']>[number]): NodeAddress[] {
  const canonical = canonicalIp(ip);
  return canonical === undefined ? [] : [{ type, ip: canonical }];
}

/** Those of the node itself first, then what it got from pools. */
function podCidrs({ ipam }: Spec): readonly string[] {
  const pools = ipam?.pools?.allocated ?? [];
  return [...(ipam?.podCIDRs ?? []), ...pools.flatMap(({ cidrs = [] }) => cidrs)];
}

function wireguardKey(annotations: Readonly<Record<string, string>>): string {
  const name = wireguardKeyAnnotations.find((each) => annotations[each] !== undefined);
  return name === undefined ? '' : (annotations[name] ?? '');
}

function ipOrNone(text = ''): string {
  return canonicalIp(text) ?? '';
}
