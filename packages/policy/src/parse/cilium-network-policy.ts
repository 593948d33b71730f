import { entities, protocolNumbers } from '../model.ts';
import type { Direction, DirectionRules, Entity, Peer, Policy, PolicyRef, PortMatch, Rule } from '../model.ts';
import type { Requirement, Selector } from '../selector.ts';
import { selectorOf } from '../selector.ts';
import { cidrPeer } from './cidr-peer.ts';
import { ofEgress, ofIngress } from './cilium-schema.ts';
import type { CiliumIcmpRule, CiliumPortRule, CiliumRule, CiliumRuleSpec } from './cilium-schema.ts';
import { icmpType } from './icmp-types.ts';
import { requirementsOf } from './label-selector.ts';
import type { LabelSelector } from './label-selector.ts';
import { portMatch, protocolNumber } from './ports.ts';
import type { ParsedPolicy, Problem } from './parsed-policy.ts';
import {
  inAnyNamespace,
  inNamespace,
  mentionsNamespace,
  mentionsReserved,
  scopedSelector,
  subjectSelector,
} from './scope.ts';
import type { Scope } from './scope.ts';

/** A rule that cannot be served as it is written. */
class Refused {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * One rule specification of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy. A rule that cannot be served
 * allows nothing; if it is a deny, it denies everybody on its ports: never more is let through than was written.
 */
export function parseCiliumSpec(spec: CiliumRuleSpec, path: string, ref: PolicyRef, scope: Scope): ParsedPolicy {
  const problems: Problem[] = [];
  if (spec.endpointSelector === null || spec.endpointSelector === undefined) {
    const message = 'policies of hosts (nodeSelector) are not served: it is not enforced';
    return { policies: [], problems: [{ at: `${path}.nodeSelector`, message }] };
  }
  const reader = new Reader(path, ref.namespace, scope, problems);
  const ingress = reader.direction('ingress', spec.ingress?.map(ofIngress), spec.ingressDeny?.map(ofIngress));
  const egress = reader.direction('egress', spec.egress?.map(ofEgress), spec.egressDeny?.map(ofEgress));
  const { enableDefaultDeny } = spec;
  const policy: Policy = {
    ref,
    subject: reader.subject(spec.endpointSelector),
    ...withDefault('ingress', ingress, enableDefaultDeny?.ingress),
    ...withDefault('egress', egress, enableDefaultDeny?.egress),
  };
  return { policies: [policy], problems };
}

/** A policy with any rule of a direction denies the rest of it, unless it says otherwise. */
function withDefault(
  direction: Direction,
  rules: readonly Rule[] | undefined,
  enabled: boolean | null | undefined,
): Partial<Record<Direction, DirectionRules>> {
  if (rules === undefined) return enabled === true ? { [direction]: { defaultDeny: true, rules: [] } } : {};
  return { [direction]: { defaultDeny: enabled ?? true, rules } };
}

class Reader {
  readonly #path: string;
  readonly #namespace: string;
  readonly #scope: Scope;
  readonly #problems: Problem[];

  constructor(path: string, namespace: string, scope: Scope, problems: Problem[]) {
    this.#path = path;
    this.#namespace = namespace;
    this.#scope = scope;
    this.#problems = problems;
  }

  subject(selector: LabelSelector): Selector {
    const own = this.#namespace === '' ? [inAnyNamespace] : [inNamespace(this.#namespace)];
    return subjectSelector([...requirementsOf(selector, sourced), ...own], this.#scope);
  }

  /** Undefined when the policy has no rule of the direction, and so says nothing about it. */
  direction(
    direction: Direction,
    allows: readonly CiliumRule[] | undefined,
    denies: readonly CiliumRule[] | undefined,
  ): readonly Rule[] | undefined {
    const all = [
      ...(allows ?? []).map((rule, index) => this.#rule(rule, 'allow', `${direction}[${index}]`)),
      ...(denies ?? []).map((rule, index) => this.#rule(rule, 'deny', `${direction}Deny[${index}]`)),
    ];
    return all.length === 0 ? undefined : all;
  }

  #rule(rule: CiliumRule, action: Rule['action'], at: string): Rule {
    const ports = this.#part(() => this.#ports(rule, action), at);
    const peers = this.#part(() => this.#peers(rule), at);
    const isWhole = !(ports instanceof Refused) && !(peers instanceof Refused);
    // A rule that says nothing allows nothing: `ingress: [{}]` is how a default deny is written.
    if (isWhole && peers === undefined && ports === undefined) return { action, at, peers: [], ports: 'any' };
    if (isWhole) return { action, at, peers: peers ?? 'any', ports: ports ?? 'any' };
    if (action === 'allow') return { action, at, peers: [], ports: 'any' };
    return { action, at, peers: 'any', ports: ports instanceof Refused ? 'any' : (ports ?? 'any') };
  }

  #part<T>(read: () => T | Refused, at: string): T | Refused {
    const part = read();
    if (part instanceof Refused) {
      const instead = at.includes('Deny') ? 'everybody is denied instead' : 'the rule allows nothing';
      this.#problems.push({ at: `${this.#path}.${at}`, message: `${part.reason}: ${instead}` });
    }
    return part;
  }

  /** Undefined: whoever it is. */
  #peers(rule: CiliumRule): readonly Peer[] | undefined | Refused {
    if (rule.refused !== undefined) return new Refused(rule.refused);
    const lists = [rule.endpoints, rule.cidrs, rule.cidrSets, rule.entities, rule.services];
    const given = lists.filter((list) => list !== null && list !== undefined);
    if (given.length === 0) return undefined;
    if (given.filter((list) => list.length > 0).length > 1 && !isCidrsOnly(rule)) {
      return new Refused('endpoints, CIDRs, entities and services cannot be combined in one rule');
    }
    return all([
      ...(rule.endpoints ?? []).map((selector) => this.#endpoints(selector ?? {})),
      ...(rule.cidrs ?? []).map((cidr) => cidrPeer(cidr, [])),
      ...(rule.cidrSets ?? []).map(cidrSetPeer),
      ...(rule.entities ?? []).map(entityPeer),
      ...(rule.services ?? []).map((service) => this.#service(service)),
    ]);
  }

  /** In the policy's own namespace, unless it speaks of namespaces. */
  #endpoints(selector: LabelSelector): Peer {
    const requirements = requirementsOf(selector, sourced);
    const speaks = mentionsNamespace(requirements) || mentionsReserved(requirements);
    const own: readonly Requirement[] = this.#namespace === '' ? [] : [inNamespace(this.#namespace)];
    const missing = speaks ? [] : this.#namespace === '' && requirements.length === 0 ? [inAnyNamespace] : own;
    return { kind: 'selector', selector: scopedSelector([...requirements, ...missing], this.#scope) };
  }

  #service({ k8sService, k8sServiceSelector }: NonNullable<CiliumRule['services']>[number]): Peer | string {
    if (k8sService !== null && k8sService !== undefined) {
      return { kind: 'service', namespace: k8sService.namespace ?? this.#namespace, name: k8sService.serviceName };
    }
    if (k8sServiceSelector === null || k8sServiceSelector === undefined) return 'toServices names no service';
    const selector = selectorOf(requirementsOf(k8sServiceSelector.selector, (key) => ({ source: 'k8s', key })));
    return { kind: 'services', namespace: k8sServiceSelector.namespace ?? '', selector };
  }

  /** Undefined: all traffic. */
  #ports(
    { toPorts, icmps, authentication }: CiliumRule,
    action: Rule['action'],
  ): readonly PortMatch[] | undefined | Refused {
    const mode = authentication?.mode ?? 'disabled';
    if (mode !== 'disabled' && action === 'allow') return new Refused(`authentication ${mode} is not served`);
    const listed = [...(toPorts ?? []).flatMap(portsOf), ...(icmps ?? []).flatMap(icmpsOf)];
    const isGiven = (toPorts ?? []).length > 0 || (icmps ?? []).length > 0;
    return isGiven ? all(listed) : undefined;
  }
}

/** Layer 7 and TLS would narrow what the rule allows. */
const narrowing = ['rules', 'terminatingTLS', 'originatingTLS', 'serverNames', 'listener'];

function portsOf(rule: CiliumPortRule): readonly (PortMatch | string)[] {
  const narrowed = narrowing.find((field) => rule[field] !== undefined && rule[field] !== null);
  if (narrowed !== undefined) return [`toPorts.${narrowed} (layer 7) is not served`];
  const ports = rule.ports ?? [];
  if (ports.length === 0) return [{ kind: 'range', protocol: protocolNumbers.any, from: 0, to: 65_535 }];
  return ports.map(({ protocol, port, endPort }) => {
    const number = protocolNumber(protocol ?? 'ANY');
    return number === undefined ? `protocol ${protocol ?? ''} is not known` : portMatch(number, port, endPort);
  });
}

function icmpsOf({ fields }: CiliumIcmpRule): readonly (PortMatch | string)[] {
  return (fields ?? []).map(({ family, type }) => {
    const number = icmpType(family ?? 'IPv4', type);
    if (number === undefined) return `ICMP type ${type} is not known`;
    const protocol = family === 'IPv6' ? protocolNumbers.icmpv6 : protocolNumbers.icmp;
    return { kind: 'range', protocol, from: number, to: number };
  });
}

function cidrSetPeer({ cidr, except, ...others }: NonNullable<CiliumRule['cidrSets']>[number]): Peer | string {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `${unknown} is not served`;
  return cidrPeer(cidr ?? '', except ?? []);
}

function entityPeer(text: string): Peer | string {
  const entity = entities.find((known): known is Entity => known === text);
  return entity === undefined ? `entity ${text} is not known` : { kind: 'entity', entity };
}

function isCidrsOnly({ endpoints, entities: named, services }: CiliumRule): boolean {
  return [endpoints, named, services].every((list) => (list ?? []).length === 0);
}

/** All of them, or why one of them cannot be served. */
function all<T extends object>(parts: readonly (T | string)[]): readonly T[] | Refused {
  const wrong = parts.find((part) => typeof part === 'string');
  return wrong === undefined ? parts.filter((part) => typeof part !== 'string') : new Refused(wrong);
}

const sources = ['k8s', 'reserved', 'any', 'container', 'cidr', 'unspec'];

/** Cilium's policies may write `k8s:app`; without a source any will do. */
function sourced(text: string): { readonly source: string; readonly key: string } {
  const colon = text.indexOf(':');
  const source = text.slice(0, Math.max(0, colon));
  return sources.includes(source) ? { source, key: text.slice(colon + 1) } : { source: 'any', key: text };
}
