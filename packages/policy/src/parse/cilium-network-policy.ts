import type { Direction, DirectionRules, Policy, PolicyRef, Rule } from '../model.ts';
import { CiliumPeers } from './cilium-peers.ts';
import { portsOfRule } from './cilium-ports.ts';
import { nameOf, readRule, readTrafficOf } from './cilium-schema.ts';
import type { CiliumRule, CiliumRuleSpec } from './cilium-schema.ts';
import { requirementsOf, sourced } from './label-selector.ts';
import { foreignNamespaces } from './network-policy.ts';
import { effects, problemOf } from './parsed-policy.ts';
import type { ParsedPolicy, Problem } from './parsed-policy.ts';
import { Refused, invalid, refuseOthers } from './refused.ts';
import { subjectSelector } from './scope.ts';
import type { Scope } from './scope.ts';

/**
 * One rule specification of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy. A rule that cannot be served
 * allows nothing; if it is a deny, it denies everybody on its ports: never more is let through than was written.
 */
export function parseCiliumSpec(spec: CiliumRuleSpec, path: string, ref: PolicyRef, scope: Scope): ParsedPolicy {
  const { endpointSelector, nodeSelector, enableDefaultDeny, ingress, ingressDeny, egress, egressDeny, ...rest } = spec;
  const { labels: _labels, description: _description, log: _log, ...others } = rest;
  const isOfHosts = nodeSelector !== null && nodeSelector !== undefined;
  if (endpointSelector === null || endpointSelector === undefined || isOfHosts) {
    const problem = problemOf(
      withoutEndpoints(isOfHosts, (endpointSelector ?? undefined) !== undefined),
      path,
      effects.policy,
    );
    return { policies: [], problems: [problem] };
  }
  const reader = new Reader(path, new CiliumPeers(ref.namespace, scope), refuseOthers(others, {}));
  const subject = subjectSelector(requirementsOf(endpointSelector, sourced), ref.namespace, scope);
  const policy: Policy = {
    ref,
    subject: subject.selector,
    ...withDefault('ingress', reader.direction('ingress', ingress, ingressDeny), enableDefaultDeny?.ingress),
    ...withDefault('egress', reader.direction('egress', egress, egressDeny), enableDefaultDeny?.egress),
  };
  const about = foreignNamespaces(subject.otherNamespaces, `${path}.endpointSelector`);
  return { policies: [policy], problems: [...about, ...reader.problems] };
}

function withoutEndpoints(isOfHosts: boolean, isOfBoth: boolean): Refused {
  if (isOfBoth) return invalid('endpointSelector and nodeSelector stand in one policy');
  if (!isOfHosts) return invalid('there is no endpointSelector');
  return new Refused('unsupported', 'policies of hosts (nodeSelector) are not served', '.nodeSelector');
}

/** A policy with any rule of a direction denies the rest of it, unless it says otherwise. */
function withDefault(
  direction: Direction,
  rules: readonly Rule[],
  enabled: boolean | null | undefined,
): Partial<Record<Direction, DirectionRules>> {
  const defaultDeny = enabled ?? rules.length > 0;
  return rules.length > 0 || defaultDeny ? { [direction]: { defaultDeny, rules } } : {};
}

type Action = Rule['action'];

class Reader {
  readonly problems: Problem[] = [];
  readonly #path: string;
  readonly #peers: CiliumPeers;
  /** Why no rule of the policy can be served. */
  readonly #refused: Refused | undefined;

  constructor(path: string, peers: CiliumPeers, refused: Refused | undefined) {
    this.#path = path;
    this.#peers = peers;
    this.#refused = refused;
  }

  direction(
    direction: Direction,
    allows: readonly unknown[] | null | undefined,
    denies: readonly unknown[] | null | undefined,
  ): readonly Rule[] {
    return [
      ...(allows ?? []).flatMap((raw, index) => this.#rules(raw, direction, 'allow', `${direction}[${index}]`)),
      ...(denies ?? []).flatMap((raw, index) => this.#rules(raw, direction, 'deny', `${direction}Deny[${index}]`)),
    ];
  }

  #rules(raw: unknown, direction: Direction, action: Action, at: string): readonly Rule[] {
    const rule = this.#refused ?? readRule(raw, direction);
    if (rule instanceof Refused) return [this.#closed(rule, action, at, trafficOf(raw, direction))];
    const required = rule.requires ?? [];
    // Whoever lacks it is let in by no rule of any policy, as Cilium had it.
    const lacking: readonly Rule[] =
      required.length === 0
        ? []
        : [
            {
              action: 'deny',
              at: `${at}.${nameOf('requires', direction)}`,
              peers: this.#peers.lacking(required),
              ports: 'any',
            },
          ];
    return [this.#rule(rule, direction, action, at), ...lacking];
  }

  #rule(rule: CiliumRule, direction: Direction, action: Action, at: string): Rule {
    const ports = portsOfRule(rule);
    if (ports instanceof Refused) return this.#closed(ports, action, at, 'any');
    const peers = authenticationRefusal(rule, action) ?? this.#peers.of(rule, direction, action);
    if (peers instanceof Refused) return this.#closed(peers, action, at, ports ?? 'any');
    // A rule that says nothing allows nothing: `ingress: [{}]` is how a default deny is written.
    const saysNothing = peers === undefined && (ports === undefined || (rule.requires ?? []).length > 0);
    return { action, at, peers: saysNothing ? [] : (peers ?? 'any'), ports: ports ?? 'any' };
  }

  /** Never lets more through than was written. */
  #closed(refused: Refused, action: Action, at: string, ports: Rule['ports']): Rule {
    this.problems.push(problemOf(refused, `${this.#path}.${at}`, effects[action]));
    return { action, at, peers: action === 'allow' ? [] : 'any', ports };
  }
}

function trafficOf(raw: unknown, direction: Direction): Rule['ports'] {
  const rule = readTrafficOf(raw, direction);
  const ports = rule && portsOfRule(rule);
  return ports === undefined || ports instanceof Refused ? 'any' : ports;
}

function authenticationRefusal({ authentication }: CiliumRule, action: Action): Refused | undefined {
  const mode = authentication?.mode ?? 'disabled';
  if (mode === 'disabled' || action === 'deny') return undefined;
  return new Refused('unsupported', `authentication ${mode} is not served`, '.authentication');
}
