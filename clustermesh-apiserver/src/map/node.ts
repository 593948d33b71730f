import type { Node } from '@clustermesh/kube';
import { canonicalIp, parseCidr } from '@clustermesh/wire';
import type { Cidr, MeshNode, NodeAddress } from '@clustermesh/wire';

import type { LocalCluster } from './local-cluster.ts';

/** What Cilium's apiserver makes of a CiliumNode (protocol.md §7.3), from a Node. */
export function meshNode(node: Node, cluster: LocalCluster): MeshNode {
  const cidrs = podCidrs(node);
  const [ipv4AllocCidr = null, ...ipv4Secondary] = cidrs.filter(({ mask }) => mask?.length === 4);
  const [ipv6AllocCidr = null, ...ipv6Secondary] = cidrs.filter(({ mask }) => mask?.length === 16);
  return {
    name: node.metadata.name,
    cluster: cluster.name,
    ipAddresses: nullIfEmpty(addresses(node)),
    ipv4AllocCidr,
    ipv4SecondaryAllocCidrs: nullIfEmpty(ipv4Secondary),
    ipv6AllocCidr,
    ipv6SecondaryAllocCidrs: nullIfEmpty(ipv6Secondary),
    ipv4HealthIp: '',
    ipv6HealthIp: '',
    ipv4IngressIp: '',
    ipv6IngressIp: '',
    clusterId: cluster.id,
    source: 'custom-resource',
    encryptionKey: 0,
    labels: nullIfNone(node.metadata.labels),
    annotations: nullIfNone(node.metadata.annotations),
    wireguardPubKey: '',
    bootId: node.status?.nodeInfo?.['bootID'] ?? '',
  };
}

/** Host names are no addresses: only what parses as an IP is published. */
function addresses(node: Node): NodeAddress[] {
  return (node.status?.addresses ?? []).flatMap(({ type, address }) => {
    const ip = canonicalIp(address);
    return ip === undefined ? [] : { type, ip };
  });
}

function podCidrs({ spec }: Node): Cidr[] {
  const texts = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
  return texts.flatMap((text) => parseCidr(text) ?? []);
}

function nullIfEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function nullIfNone(record: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> | null {
  return record === undefined || Object.keys(record).length === 0 ? null : record;
}
