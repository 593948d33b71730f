import { assertNever } from '@clustermesh/runtime';
import { isIpv4, policyClusterLabel } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { Entity, Peer } from '../model.ts';
import { selects } from '../selector.ts';
import type { Requirement } from '../selector.ts';
import type { Identity } from './identity.ts';

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
      return `cidr ${[peer.prefix, ...peer.except].map(prefixKey).join()}`;
    case 'entity':
      return `entity ${peer.entity}`;
  }
  return assertNever(peer);
}

export function isPeer(peer: StaticPeer, identity: Identity, localCluster: string): boolean {
  switch (peer.kind) {
    case 'selector':
      return selects(peer.selector, identity.labels);
    case 'cidr': {
      const { prefix } = identity;
      if (prefix === undefined) return isWholeWorld(peer.prefix, identity);
      return covers(peer.prefix, prefix) && !peer.except.some((hole) => covers(hole, prefix));
    }
    case 'entity':
      return isOfEntity(peer.entity, identity, localCluster);
  }
  return assertNever(peer);
}

/** What an identity must have for the peer to be worth a look: one `key=value` of which it has at least one. */
export function anchorOf(peer: StaticPeer): Requirement | undefined {
  if (peer.kind !== 'selector') return undefined;
  const anchors = peer.selector.requirements.filter(({ operator }) => operator === 'In');
  return anchors.sort((left, right) => selectivity(left) - selectivity(right))[0];
}

/** Every identity of a cluster has the cluster's label, so that it tells least. */
function selectivity({ key, values }: Requirement): number {
  return (key === policyClusterLabel ? 1_000_000 : 0) + values.length;
}

const nodes: readonly Entity[] = ['host', 'remote-node', 'kube-apiserver'];
/** Of the local cluster without being a workload of it (protocol.md §8.10). */
const ofCluster: readonly Entity[] = [...nodes, 'health', 'init', 'unmanaged', 'ingress'];

function isOfEntity(entity: Entity, identity: Identity, localCluster: string): boolean {
  const has = (name: string): boolean => identity.labels.valuesOf('reserved', name).length > 0;
  switch (entity) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'cluster':
      return (
        ofCluster.some((each) => has(each)) ||
        identity.labels.valuesOf('k8s', policyClusterLabel).includes(localCluster)
      );
    case 'world':
      return has('world') || has('world-ipv4') || has('world-ipv6');
    default:
      return has(entity);
  }
}

/** An address that no network of any policy contains is still somewhere in 0.0.0.0/0 or ::/0. */
function isWholeWorld({ address, bits }: Prefix, { labels }: Identity): boolean {
  const family = isIpv4(address) ? 'world-ipv4' : 'world-ipv6';
  if (bits !== (isIpv4(address) ? ipv4Bits : 0)) return false;
  return ['world', family].some((name) => labels.valuesOf('reserved', name).length > 0);
}

export function covers(outer: Prefix, inner: Prefix): boolean {
  if (outer.bits > inner.bits) return false;
  for (let bit = 0; bit < outer.bits; bit += 8) {
    const mask = (0xff << Math.max(0, bit + 8 - outer.bits)) & 0xff;
    const at = bit / 8;
    if (((outer.address[at] ?? 0) ^ (inner.address[at] ?? 0)) & mask) return false;
  }
  return true;
}

function prefixKey({ address, bits }: Prefix): string {
  return `${Buffer.from(address).toString('hex')}/${bits}`;
}
