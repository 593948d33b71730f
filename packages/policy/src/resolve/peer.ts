import { assertNever } from '@clustermesh/runtime';
import { isIpv4, podNamespaceLabel, policyClusterLabel } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { Entity, Peer } from '../model.ts';
import { selects } from '../selector.ts';
import type { Requirement } from '../selector.ts';
import type { Identity } from './identity.ts';
import { covers, prefixText } from './prefix.ts';

/** A peer that stands for identities by itself; services have been looked up before. */
export type StaticPeer = Exclude<Peer, { readonly kind: 'service' | 'services' }>;

/** IPv4 lies in ::ffff:0:0/96. */
const ipv4Bits = 96;

/** Equal peers have equal keys: they share one set of identities. */
export function peerKey(peer: StaticPeer): string {
  switch (peer.kind) {
    case 'selector':
      return `selector ${peer.selector.key}`;
    case 'cidr':
      return `cidr ${[peer.prefix, ...peer.except].map(prefixText).join()}`;
    case 'entity':
      return `entity ${peer.entity}`;
  }
  return assertNever(peer);
}

export function isPeer(peer: StaticPeer, identity: Identity, localCluster: string): boolean {
  switch (peer.kind) {
    case 'selector':
      return selects(peer.selector, identity.labels);
    case 'cidr':
      return isIn(peer.prefix, identity) && !peer.except.some((hole) => isIn(hole, identity));
    case 'entity':
      return isOfEntity(peer.entity, identity, localCluster);
  }
  return assertNever(peer);
}

/** What an identity must have for the peer to be worth a look: one `key=value` of which it has at least one. */
export function anchorOf(peer: StaticPeer): Requirement | undefined {
  if (peer.kind !== 'selector') return undefined;
  const anchors = peer.selector.requirements.filter(({ operator }) => operator === 'In');
  return anchors.sort((left, right) => commonness(left) - commonness(right))[0];
}

/** Every identity of a cluster has the cluster's label, and many have the namespace's: they tell least. */
function commonness({ key, values }: Requirement): number {
  const shared = key === policyClusterLabel ? 1_000_000 : key === podNamespaceLabel ? 1_000 : 0;
  return shared + values.length;
}

const nodes: readonly Entity[] = ['host', 'remote-node', 'kube-apiserver'];
/** Of the local cluster without being a workload of it (protocol.md §8.10). */
const ofCluster: readonly Entity[] = [...nodes, 'health', 'init', 'unmanaged', 'ingress'];

function isOfEntity(entity: Entity, identity: Identity, localCluster: string): boolean {
  const has = (name: string): boolean => identity.labels.has('reserved', name);
  switch (entity) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'cluster':
      return ofCluster.some((each) => has(each)) || identity.labels.hasOneOf('k8s', policyClusterLabel, [localCluster]);
    case 'world':
      return has('world') || has('world-ipv4') || has('world-ipv6');
    default:
      return has(entity);
  }
}

/** 0.0.0.0/0 or ::/0: an address that no network of any policy contains is still somewhere in there. */
export function isWorld({ address, bits }: Prefix): boolean {
  return bits === (isIpv4(address) ? ipv4Bits : 0);
}

function isIn(network: Prefix, { prefix, labels }: Identity): boolean {
  if (prefix !== undefined) return covers(network, prefix);
  const family = isIpv4(network.address) ? 'world-ipv4' : 'world-ipv6';
  return isWorld(network) && ['world', family].some((name) => labels.has('reserved', name));
}
