import { namespaceLabelPrefix } from '@clustermesh/wire';
import { z } from 'zod';

import type { Direction, DirectionRules, Peer, Policy, PolicyRef, Rule } from '../model.ts';
import { selectorOf } from '../selector.ts';
import type { Requirement } from '../selector.ts';
import { cidrPeer } from './cidr-peer.ts';
import { labelSelectorSchema, ofKubernetes, requirementsOf } from './label-selector.ts';
import type { LabelSelector } from './label-selector.ts';
import { effects, ignored, problemOf } from './parsed-policy.ts';
import type { ParsedPolicy, Problem } from './parsed-policy.ts';
import { kubernetesPort } from './ports.ts';
import { Refused, eachOf, invalid, refuseOthers, unreadable } from './refused.ts';
import { inAnyNamespace, inNamespace, subjectSelector, withCluster } from './scope.ts';
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
const ruleSchemas = {
  ingress: z.strictObject({ from: peers, ports }),
  egress: z.strictObject({ to: peers, ports }),
} as const;
const peerFields = { ingress: 'from', egress: 'to' } as const;

/** Rules are read one by one: one that we cannot read must not open what the others close. */
export const networkPolicySpec = z.looseObject({
  podSelector: labelSelectorSchema.nullish(),
  policyTypes: z.array(z.string()).nullish(),
  ingress: z.array(z.unknown()).nullish(),
  egress: z.array(z.unknown()).nullish(),
});
type Spec = z.output<typeof networkPolicySpec>;
type NetworkPolicyPeer = z.output<typeof peerSchema>;

/** networking.k8s.io/v1 NetworkPolicy: only allows, always with default deny in the directions that it has. */
export function parseNetworkPolicy(spec: Spec, ref: PolicyRef, scope: Scope): ParsedPolicy {
  const { podSelector, policyTypes, ingress, egress, ...others } = spec;
  const reader = new Reader(ref.namespace, scope, refuseOthers(others, {}));
  const types = (policyTypes ?? []).length > 0 ? (policyTypes ?? []) : defaultTypes(spec);
  const said = {
    ...(types.includes('Ingress') ? { ingress: reader.direction('ingress', ingress ?? []) } : {}),
    ...(types.includes('Egress') ? { egress: reader.direction('egress', egress ?? []) } : {}),
  };
  const subject = subjectSelector(requirementsOf(podSelector ?? {}, ofKubernetes), ref.namespace, scope);
  const policy: Policy = { ref, subject: subject.selector, ...said };
  const about = [...unknownTypes(types), ...foreignNamespaces(subject.otherNamespaces, 'spec.podSelector')];
  return { policies: [policy], problems: [...about, ...reader.problems] };
}

/** As the API server fills them in. */
function defaultTypes({ egress }: Spec): readonly string[] {
  return (egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function unknownTypes(types: readonly string[]): readonly Problem[] {
  return types.flatMap((type, index) =>
    type === 'Ingress' || type === 'Egress'
      ? []
      : [problemOf(new Refused('unknown', `policy type ${type} is not known`), `spec.policyTypes[${index}]`, nothing)],
  );
}
const nothing = 'it says nothing about any direction';

/** As Cilium: whatever namespace the selector names, a policy is about its own. */
export function foreignNamespaces(namespaces: readonly string[], at: string): readonly Problem[] {
  return namespaces.map((namespace) =>
    ignored(at, `a policy cannot select pods of namespace ${namespace}`, 'pods of its own namespace are selected'),
  );
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #namespace: string;
  readonly #scope: Scope;
  /** Why no rule of the policy can be served. */
  readonly #refused: Refused | undefined;

  constructor(namespace: string, scope: Scope, refused: Refused | undefined) {
    this.#namespace = namespace;
    this.#scope = scope;
    this.#refused = refused;
    if (refused !== undefined) this.problems.push(problemOf(refused, 'spec', 'its rules allow nothing'));
  }

  direction(direction: Direction, rules: readonly unknown[]): DirectionRules {
    const read = rules.map((rule, index) => this.#rule(rule, direction, `${direction}[${index}]`));
    return { defaultDeny: true, rules: read };
  }

  #rule(raw: unknown, direction: Direction, at: string): Rule {
    const closed: Rule = { action: 'allow', at, peers: [], ports: 'any' };
    if (this.#refused !== undefined) return closed;
    const read = ruleSchemas[direction].safeParse(raw);
    if (!read.success) {
      this.problems.push(problemOf(unreadable(read.error), `spec.${at}`, effects.allow));
      return closed;
    }
    const rule: { readonly from?: unknown; readonly to?: unknown } & typeof read.data = read.data;
    const listed = (rule[peerFields[direction]] ?? []) as readonly NetworkPolicyPeer[];
    const path = `${at}.${peerFields[direction]}`;
    const allPeers = eachOf(listed, path, (peer) => this.#peer(peer));
    const allPorts = eachOf(read.data.ports, `${at}.ports`, kubernetesPort);
    // Absent or empty lists mean everybody, and all ports.
    return {
      ...closed,
      peers: allPeers.length === 0 ? 'any' : this.#taken(allPeers),
      ports: allPorts.length === 0 ? 'any' : this.#taken(allPorts),
    };
  }

  #peer({ ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer): Peer | Refused {
    const hasPods = (podSelector ?? namespaceSelector ?? undefined) !== undefined;
    if (ipBlock !== null && ipBlock !== undefined) {
      if (hasPods) return invalid('ipBlock stands beside a selector');
      const peer = cidrPeer(ipBlock.cidr, ipBlock.except ?? []);
      return peer instanceof Refused ? peer.within('.ipBlock') : peer;
    }
    if (!hasPods) return invalid('a peer needs a selector or an ipBlock');
    const pods = requirementsOf(podSelector ?? {}, ofKubernetes);
    const requirements = [...pods, ...this.#namespaceRequirements(namespaceSelector)];
    return { kind: 'selector', selector: selectorOf(withCluster(requirements, this.#scope)) };
  }

  /** Absent: the policy's own; empty: all. */
  #namespaceRequirements(selector: LabelSelector | null | undefined): readonly Requirement[] {
    if (selector === null || selector === undefined) return [inNamespace(this.#namespace)];
    const labels = requirementsOf(selector, (key) => ofKubernetes(namespaceLabelPrefix + key));
    return [...labels, inAnyNamespace];
  }

  /** What means nothing allows nothing. */
  #taken<T>(parts: readonly (T | Refused)[]): readonly T[] {
    return parts.flatMap((part) => {
      if (!(part instanceof Refused)) return [part];
      this.problems.push(problemOf(part, 'spec.', effects.entry));
      return [];
    });
  }
}
