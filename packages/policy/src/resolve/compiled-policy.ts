import type { Direction, DirectionRules, Peer, Policy, PolicyRef, PortMatch, Rule } from '../model.ts';
import type { StaticPeer } from './peer.ts';
import { everything, protocolRegion, regionsOfRange } from './region.ts';
import type { Region } from './region.ts';
import type { Verdict } from './row.ts';

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
  readonly ref: PolicyRef;
  readonly defaultDeny: boolean;
  readonly rules: readonly CompiledRule[];
}

export interface CompiledPolicy {
  /** What it was made of. */
  readonly policy: Policy;
  readonly subject: string;
  readonly ingress: CompiledDirection | undefined;
  readonly egress: CompiledDirection | undefined;
  /** To be given back when the policy goes. */
  readonly usedPeers: readonly StaticPeer[];
}

export interface Compiler {
  use(peer: StaticPeer): string;
  numberRule(rule: RuleRef): number;
  /** Whoever stands behind services now. */
  expand(peer: Exclude<Peer, StaticPeer>): readonly StaticPeer[];
}

export function compilePolicy(policy: Policy, compiler: Compiler): CompiledPolicy {
  const usedPeers: StaticPeer[] = [];
  const use = (peer: StaticPeer): string => {
    usedPeers.push(peer);
    return compiler.use(peer);
  };
  const compilePeers = (peers: Rule['peers']): CompiledRule['peers'] =>
    isAnybody(peers) ? 'any' : [...new Set(peers.flatMap((peer) => staticPeers(peer, compiler)).map(use))];
  const compileRule = (rule: Rule, direction: Direction): CompiledRule => ({
    number: compiler.numberRule({ policy: policy.ref, direction, at: rule.at }),
    verdict: rule.action,
    regions: rule.ports === 'any' ? [everything] : rule.ports.flatMap(regionsOf),
    namedPorts: rule.ports === 'any' ? [] : rule.ports.filter((port) => port.kind === 'name'),
    peers: compilePeers(rule.peers),
  });
  const compileDirection = (direction: Direction, said?: DirectionRules): CompiledDirection | undefined =>
    said && {
      ref: policy.ref,
      defaultDeny: said.defaultDeny,
      rules: said.rules.map((rule) => compileRule(rule, direction)),
    };
  return {
    policy,
    subject: use({ kind: 'selector', selector: policy.subject }),
    ingress: compileDirection('ingress', policy.ingress),
    egress: compileDirection('egress', policy.egress),
    usedPeers,
  };
}

/** Also those whom nobody knows yet: not one row for each, but one for anybody. */
function isAnybody(peers: Rule['peers']): peers is 'any' {
  return peers === 'any' || peers.some((peer) => peer.kind === 'entity' && peer.entity === 'all');
}

function staticPeers(peer: Peer, compiler: Compiler): readonly StaticPeer[] {
  return peer.kind === 'service' || peer.kind === 'services' ? compiler.expand(peer) : [peer];
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
