import type { Direction, DirectionRules, Policy, PolicyRef, PortMatch, Rule } from '../model.ts';
import type { StaticPeer } from './peer.ts';
import { everything, protocolRegion, regionsOfRange } from './region.ts';
import type { Region } from './region.ts';
import type { Verdict } from './rows.ts';

/** Where a verdict comes from. */
export interface RuleRef {
  readonly policy: PolicyRef;
  readonly direction: Direction;
  readonly at: string;
}

/** A rule made ready: what it says of ports as regions, of peers as keys of the index. */
export interface CompiledRule {
  readonly number: number;
  readonly verdict: Verdict;
  readonly regions: readonly Region[];
  readonly namedPorts: readonly Extract<PortMatch, { readonly kind: 'name' }>[];
  readonly peers: readonly string[] | 'any';
}

export interface CompiledDirection {
  readonly defaultDeny: boolean;
  readonly rules: readonly CompiledRule[];
}

export interface CompiledPolicy {
  readonly ref: PolicyRef;
  readonly subject: string;
  readonly ingress: CompiledDirection | undefined;
  readonly egress: CompiledDirection | undefined;
  /** To be given back when the policy goes. */
  readonly usedPeers: readonly string[];
  readonly ruleNumbers: readonly number[];
}

export interface Compiler {
  use(peer: StaticPeer): string;
  numberRule(rule: RuleRef): number;
}

/** @param policy whose services have been replaced by what stands behind them */
export function compilePolicy(policy: Policy, compiler: Compiler): CompiledPolicy {
  const usedPeers: string[] = [];
  const ruleNumbers: number[] = [];
  const use = (peer: StaticPeer): string => {
    const key = compiler.use(peer);
    usedPeers.push(key);
    return key;
  };
  const compileRule = (rule: Rule, direction: Direction): CompiledRule => {
    const number = compiler.numberRule({ policy: policy.ref, direction, at: rule.at });
    ruleNumbers.push(number);
    const peers = rule.peers === 'any' ? 'any' : rule.peers.filter(isStatic).map(use);
    const ports = rule.ports === 'any' ? 'any' : rule.ports;
    return {
      number,
      verdict: rule.action,
      regions: ports === 'any' ? [everything] : ports.flatMap(regionsOf),
      namedPorts: ports === 'any' ? [] : ports.filter((port) => port.kind === 'name'),
      peers,
    };
  };
  const compileDirection = (direction: Direction, rules?: DirectionRules): CompiledDirection | undefined =>
    rules && { defaultDeny: rules.defaultDeny, rules: rules.rules.map((rule) => compileRule(rule, direction)) };
  return {
    ref: policy.ref,
    subject: use({ kind: 'selector', selector: policy.subject }),
    ingress: compileDirection('ingress', policy.ingress),
    egress: compileDirection('egress', policy.egress),
    usedPeers,
    ruleNumbers,
  };
}

function isStatic(peer: Exclude<Rule['peers'], 'any'>[number]): peer is StaticPeer {
  return peer.kind !== 'service' && peer.kind !== 'services';
}

const lastPort = 65_535;
/** Protocols that carry ports: what "any protocol" with a port means. */
const withPorts = [6, 17, 132];

function regionsOf(match: PortMatch): readonly Region[] {
  if (match.kind === 'name') return [];
  const { protocol, from, to } = match;
  const isWhole = from === 0 && to === lastPort;
  if (protocol !== 0) return isWhole ? [protocolRegion(protocol)] : regionsOfRange(protocol, from, to);
  return isWhole ? [everything] : withPorts.flatMap((each) => regionsOfRange(each, from, to));
}
