import type { Node } from '@clustermesh/kube';
import { canonicalIp } from '@clustermesh/wire';
import type { MeshNode, NodeAddress } from '@clustermesh/wire';

import { allocCidrs } from './alloc-cidrs.ts';
import type { LocalCluster } from './local-cluster.ts';
import { nilIfEmpty, nilIfNone } from './nil.ts';

/** What Cilium's apiserver makes of a CiliumNode (protocol.md §7.3), from a Node. */
export function meshNode(node: Node, cluster: LocalCluster): MeshNode {
  return {
    name: node.metadata.name,
    cluster: cluster.name,
    ipAddresses: nilIfEmpty(addresses(node)),
    ...allocCidrs(podCidrs(node)),
    ipv4HealthIp: '',
    ipv6HealthIp: '',
    ipv4IngressIp: '',
    ipv6IngressIp: '',
    clusterId: cluster.id,
    source: 'custom-resource',
    encryptionKey: 0,
    labels: nilIfNone(node.metadata.labels),
    annotations: nilIfNone(node.metadata.annotations),
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

function podCidrs({ spec }: Node): readonly string[] {
  return spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
}
