import { namespaceLabelPrefix } from '@clustermesh/wire';
import { z } from 'zod';

import type { DirectionRules, Peer, Policy, PortMatch, Rule } from '../model.ts';
import type { Requirement } from '../selector.ts';
import { cidrPeer } from './cidr-peer.ts';
import { labelSelectorSchema, requirementsOf } from './label-selector.ts';
import type { LabelSelector } from './label-selector.ts';
import { portMatch, protocolNumber } from './ports.ts';
import type { ParsedPolicy, Problem } from './parsed-policy.ts';
import { inAnyNamespace, inNamespace, scopedSelector, subjectSelector } from './scope.ts';
import type { Scope } from './scope.ts';

const peerSchema = z.strictObject({
  podSelector: labelSelectorSchema.nullish(),
  namespaceSelector: labelSelectorSchema.nullish(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).nullish() }).nullish(),
});
const portSchema = z.strictObject({
  protocol: z.string().nullish(),
  port: z.union([z.string(), z.number().int()]).nullish(),
  endPort: z.number().int().nullish(),
});
const ports = z.array(portSchema).nullish();
const peers = z.array(peerSchema).nullish();

export const networkPolicySpec = z.strictObject({
  podSelector: labelSelectorSchema.nullish(),
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])).nullish(),
  ingress: z.array(z.strictObject({ from: peers, ports })).nullish(),
  egress: z.array(z.strictObject({ to: peers, ports })).nullish(),
});
type Spec = z.output<typeof networkPolicySpec>;
type NetworkPolicyPeer = z.output<typeof peerSchema>;
type NetworkPolicyPort = z.output<typeof portSchema>;

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** networking.k8s.io/v1 NetworkPolicy: only allows, always with default deny in the directions that it has. */
export function parseNetworkPolicy(spec: Spec, { namespace, name }: Named, scope: Scope): ParsedPolicy {
  const problems: Problem[] = [];
  const reader = new Reader(namespace, scope, problems);
  const types = spec.policyTypes ?? ((spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
  const ingress = (spec.ingress ?? []).map((rule, index) => reader.rule(`ingress[${index}]`, rule.from, rule.ports));
  const egress = (spec.egress ?? []).map((rule, index) => reader.rule(`egress[${index}]`, rule.to, rule.ports));
  const policy: Policy = {
    ref: { kind: 'NetworkPolicy', namespace, name },
    subject: subjectSelector([...podRequirements(spec.podSelector), inNamespace(namespace)], scope),
    ...(types.includes('Ingress') ? { ingress: denying(ingress) } : {}),
    ...(types.includes('Egress') ? { egress: denying(egress) } : {}),
  };
  return { policies: [policy], problems };
}

function denying(rules: readonly Rule[]): DirectionRules {
  return { defaultDeny: true, rules };
}

class Reader {
  readonly #namespace: string;
  readonly #scope: Scope;
  readonly #problems: Problem[];

  constructor(namespace: string, scope: Scope, problems: Problem[]) {
    this.#namespace = namespace;
    this.#scope = scope;
    this.#problems = problems;
  }

  /** Absent or empty lists mean everybody, and all ports. */
  rule(
    at: string,
    from: readonly NetworkPolicyPeer[] | null | undefined,
    listed: readonly NetworkPolicyPort[] | null | undefined,
  ): Rule {
    const allPeers = (from ?? []).map((peer, index) => this.#peer(peer, `${at}.peer[${index}]`));
    const allPorts = (listed ?? []).map((port, index) => this.#port(port, `${at}.ports[${index}]`));
    return {
      action: 'allow',
      at,
      peers: allPeers.length === 0 ? 'any' : allPeers.flatMap((peer) => peer ?? []),
      ports: allPorts.length === 0 ? 'any' : allPorts.flatMap((port) => port ?? []),
    };
  }

  #peer({ ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer, at: string): Peer | undefined {
    if (ipBlock !== null && ipBlock !== undefined) {
      return this.#taken(cidrPeer(ipBlock.cidr, ipBlock.except ?? []), `${at}.ipBlock`);
    }
    const pods = podRequirements(podSelector);
    const requirements = [...pods, ...this.#namespaceRequirements(namespaceSelector)];
    return { kind: 'selector', selector: scopedSelector(requirements, this.#scope) };
  }

  /** Absent: the policy's own; empty: all. */
  #namespaceRequirements(selector: LabelSelector | null | undefined): readonly Requirement[] {
    if (selector === null || selector === undefined) return [inNamespace(this.#namespace)];
    const labels = requirementsOf(selector, (key) => ({ source: 'k8s', key: namespaceLabelPrefix + key }));
    return labels.length === 0 ? [inAnyNamespace] : labels;
  }

  #port({ protocol, port, endPort }: NetworkPolicyPort, at: string): PortMatch | undefined {
    const number = protocolNumber(protocol ?? 'TCP');
    const match = number === undefined ? `protocol ${protocol ?? ''} is not known` : portMatch(number, port, endPort);
    return this.#taken(match, at);
  }

  /** What means nothing allows nothing. */
  #taken<T extends object>(value: T | string, at: string): T | undefined {
    if (typeof value !== 'string') return value;
    this.#problems.push({ at: `spec.${at}`, message: `${value}: it allows nothing` });
    return undefined;
  }
}

function podRequirements(selector: LabelSelector | null | undefined): readonly Requirement[] {
  return requirementsOf(selector ?? {}, (key) => ({ source: 'k8s', key }));
}
