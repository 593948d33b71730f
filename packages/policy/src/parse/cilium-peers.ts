import { entities } from '../model.ts';
import type { Direction, Entity, Peer, Rule } from '../model.ts';
import { opposite, selectorOf } from '../selector.ts';
import type { Requirement } from '../selector.ts';
import { cidrPeer } from './cidr-peer.ts';
import { nameOf } from './cilium-schema.ts';
import type { CiliumCidrRule, CiliumRule, CiliumServiceRule, RuleField } from './cilium-schema.ts';
import { requirementsOf, sourced } from './label-selector.ts';
import type { LabelSelector } from './label-selector.ts';
import { Refused, allOf, eachOf, invalid, refuseOthers } from './refused.ts';
import { inAnyNamespace, mentionsReserved, ofWorkloads, withCluster, withNamespace } from './scope.ts';
import type { Scope } from './scope.ts';

const peerFields = ['endpoints', 'cidrs', 'cidrSets', 'entities', 'services'] as const;

/** Whom rules of Cilium's policies of one namespace ('' = of the whole cluster) are about. */
export class CiliumPeers {
  readonly #namespace: string;
  readonly #scope: Scope;

  constructor(namespace: string, scope: Scope) {
    this.#namespace = namespace;
    this.#scope = scope;
  }

  /** Undefined: the rule says nothing of peers. */
  of(rule: CiliumRule, direction: Direction, action: Rule['action']): readonly Peer[] | undefined | Refused {
    const given = peerFields.filter((field) => rule[field] !== null && rule[field] !== undefined);
    if (given.length === 0) return undefined;
    // As in Cilium: a list without elements is nobody, whatever stands beside it.
    if (given.some((field) => rule[field]?.length === 0)) return [];
    const kinds = new Set(given.map((field) => (field === 'cidrSets' ? 'cidrs' : field)));
    if (kinds.size > 1) {
      const names = given.map((field) => nameOf(field, direction)).join(' and ');
      return invalid(`${names} cannot be combined in one rule`);
    }
    const path = (field: RuleField): string => `.${nameOf(field, direction)}`;
    return allOf([
      ...eachOf(rule.endpoints, path('endpoints'), (selector) => this.#endpoints(selector, action)),
      ...eachOf(rule.cidrs, path('cidrs'), (cidr) => cidrPeer(cidr, [])),
      ...eachOf(rule.cidrSets, path('cidrSets'), cidrSetPeer),
      ...eachOf(rule.entities, path('entities'), entityPeer),
      ...eachOf(rule.services, path('services'), (service) => this.#service(service)),
    ]);
  }

  /** Workloads that lack something of what these selectors require. */
  lacking(required: readonly LabelSelector[]): readonly Peer[] {
    const requirements = required.flatMap((selector) => this.#requirements(selector));
    return requirements.map((requirement) => ({
      kind: 'selector',
      selector: selectorOf([opposite(requirement), inAnyNamespace]),
    }));
  }

  /** A deny means whoever its labels hold for, as in Cilium. */
  #endpoints(selector: LabelSelector, action: Rule['action']): Peer {
    const requirements = this.#requirements(selector);
    return { kind: 'selector', selector: selectorOf(action === 'deny' ? requirements : ofWorkloads(requirements)) };
  }

  /** In the policy's own namespace and the local cluster, unless it speaks of others. */
  #requirements(selector: LabelSelector): readonly Requirement[] {
    const said = requirementsOf(selector, sourced);
    return mentionsReserved(said) ? said : withCluster(withNamespace(said, this.#namespace), this.#scope);
  }

  /** Without a namespace: of any (as Cilium). */
  #service({ k8sService, k8sServiceSelector }: CiliumServiceRule): Peer | Refused {
    const { defaultLocalCluster, localCluster } = this.#scope;
    const inCluster = defaultLocalCluster ? { cluster: localCluster } : {};
    // As in Cilium, where both are given the selector counts.
    if (k8sServiceSelector !== null && k8sServiceSelector !== undefined) {
      const selector = selectorOf(requirementsOf(k8sServiceSelector.selector, sourced));
      return { kind: 'services', namespace: k8sServiceSelector.namespace ?? '', selector, ...inCluster };
    }
    if (k8sService === null || k8sService === undefined) return invalid('toServices names no service');
    const { namespace, serviceName } = k8sService;
    return { kind: 'service', namespace: namespace ?? '', name: serviceName, ...inCluster };
  }
}

const unsupportedOfCidrs = { cidrGroupRef: 'groups of CIDRs', cidrGroupSelector: 'groups of CIDRs' };

function cidrSetPeer({ cidr, except, ...others }: CiliumCidrRule): Peer | Refused {
  return refuseOthers(others, unsupportedOfCidrs) ?? cidrPeer(cidr ?? '', except ?? []);
}

function entityPeer(text: string): Peer | Refused {
  const entity = entities.find((known): known is Entity => known === text);
  return entity === undefined
    ? new Refused('unknown', `entity ${JSON.stringify(text)} is not known`)
    : { kind: 'entity', entity };
}
