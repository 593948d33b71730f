import { podNamespaceLabel, policyClusterLabel } from '@clustermesh/wire';
import type { IpBytes } from '@clustermesh/wire';

import type { Peer } from '../model.ts';
import { LabelSet, selectorOf, selects } from '../selector.ts';
import type { StaticPeer } from './peer.ts';

/** A Service of the local cluster, as far as `toServices` asks. */
export interface PolicyService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of its pods; empty where others look after its endpoints. */
  readonly selector: Readonly<Record<string, string>>;
  /** Of its endpoints. */
  readonly addresses: readonly IpBytes[];
}

export type ServiceName = Pick<PolicyService, 'namespace' | 'name'>;
type ServicePeer = Exclude<Peer, StaticPeer>;

const addressBits = 128;

/** Services, and whom policies mean by them (as Cilium: pods by labels, or addresses outside the mesh). */
export class Services {
  readonly #byName = new Map<string, PolicyService>();

  /** Whom policies may have named by it, and may now: both versions; none where nothing changed that matters. */
  upsert(service: PolicyService): readonly PolicyService[] {
    const before = this.#byName.get(nameKey(service));
    this.#byName.set(nameKey(service), service);
    if (before !== undefined && textOf(before) === textOf(service)) return [];
    return before === undefined ? [service] : [before, service];
  }

  remove(name: ServiceName): readonly PolicyService[] {
    const before = this.#byName.get(nameKey(name));
    this.#byName.delete(nameKey(name));
    return before === undefined ? [] : [before];
  }

  /** Whoever stands behind the services that a peer names. */
  expand(peer: ServicePeer): readonly StaticPeer[] {
    const { name, namespace } = peer.kind === 'service' ? peer : { name: '', namespace: '' };
    const candidates =
      namespace === '' ? this.#byName.values() : [this.#byName.get(nameKey({ namespace, name }))].values();
    const named: StaticPeer[] = [];
    for (const service of candidates) {
      if (service !== undefined && isNamedBy(peer, service)) named.push(...peersBehind(service, peer.cluster));
    }
    return named;
  }
}

export function isNamedBy(peer: ServicePeer, { namespace, name, labels }: PolicyService): boolean {
  if (peer.namespace !== '' && peer.namespace !== namespace) return false;
  if (peer.kind === 'service') return peer.name === name;
  const own = Object.entries(labels).map(([key, value]) => ({ source: 'k8s', key, value }));
  return selects(peer.selector, new LabelSet(own));
}

function peersBehind({ namespace, selector, addresses }: PolicyService, cluster?: string): readonly StaticPeer[] {
  const pairs = Object.entries(selector);
  if (pairs.length === 0) {
    return addresses.map((address) => ({ kind: 'cidr', prefix: { address, bits: addressBits }, except: [] }));
  }
  const inCluster = cluster === undefined ? [] : [[policyClusterLabel, cluster] as const];
  const requirements = [...pairs, [podNamespaceLabel, namespace] as const, ...inCluster].map(([key, value]) => ({
    source: 'k8s',
    key,
    operator: 'In' as const,
    values: [value],
  }));
  return [{ kind: 'selector', selector: selectorOf(requirements) }];
}

function nameKey({ namespace, name }: ServiceName): string {
  return `${namespace}/${name}`;
}

/** Addresses say nothing where there is a selector. */
function textOf({ labels, selector, addresses }: PolicyService): string {
  const sorted = (record: Readonly<Record<string, string>>): unknown => Object.entries(record).sort();
  const named = Object.keys(selector).length > 0 ? [] : addresses.map(String).sort();
  return JSON.stringify([sorted(labels), sorted(selector), named]);
}
