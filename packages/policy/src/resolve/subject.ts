import type { PeerIndex } from './peer-index.ts';
import type { Direction } from '../model.ts';
import type { CompiledDirection, CompiledRule } from './compiled-policy.ts';
import type { Identity } from './identity.ts';
import { everything, pointRegion } from './region.ts';
import { closeRows } from './rows.ts';
import type { Claim, Row } from './rows.ts';

/** The number of no rule: what holds where no policy says anything. */
export const noRule = 0;
const hostIdentity = 1;

/** What policies say of one subject in one direction: rows for anybody, and for each identity that rules name. */
export class SubjectRules {
  readonly #index: PeerIndex;
  /** The node's own programs probe its pods: never dropped by a default. */
  readonly #allowsHost: boolean;
  readonly #ownPorts: Identity['namedPorts'] | undefined;
  readonly #rulesByPeer = new Map<string, CompiledRule[]>();
  /** For anybody who has a port of that name. */
  readonly #namedForAny: CompiledRule[] = [];
  readonly #wildcard: readonly Row[];

  /**
   * @param ownPorts of the subject where connections come to it; absent where they go from it, to a port of the other
   */
  constructor(
    index: PeerIndex,
    policies: readonly CompiledDirection[],
    direction: Direction,
    ownPorts: Identity['namedPorts'] | undefined,
  ) {
    this.#index = index;
    this.#ownPorts = ownPorts;
    const anybody: Claim[] = policies.some(({ defaultDeny }) => defaultDeny) ? [] : [allowAll];
    for (const rule of policies.flatMap(({ rules }) => rules)) {
      if (rule.peers !== 'any') for (const peer of new Set(rule.peers)) append(this.#rulesByPeer, peer, rule);
      else if (ownPorts === undefined && rule.namedPorts.length > 0) this.#namedForAny.push(rule);
      if (rule.peers === 'any') anybody.push(...claimsOf(rule, ownPorts));
    }
    this.#wildcard = closeRows(anybody, []);
    this.#allowsHost = direction === 'ingress';
  }

  get wildcard(): readonly Row[] {
    return this.#wildcard;
  }

  /** May somebody who is, was or becomes one of these peers have other rows now? */
  concerns(peers: ReadonlySet<string>): boolean {
    if (this.#namedForAny.length > 0) return true;
    for (const peer of peers) if (this.#rulesByPeer.has(peer)) return true;
    return false;
  }

  /** Everybody who may have rows of their own. */
  namedIdentities(): ReadonlySet<number> {
    const numbers = new Set<number>(this.#allowsHost ? [hostIdentity] : []);
    for (const peer of this.#rulesByPeer.keys()) for (const number of this.#index.members(peer)) numbers.add(number);
    if (this.#namedForAny.length > 0) for (const number of this.#index.withNamedPorts()) numbers.add(number);
    return numbers;
  }

  rowsOf(number: number): readonly Row[] {
    const identity = this.#index.identity(number);
    const rules = new Set<CompiledRule>();
    for (const peer of this.#index.peersOf(number)) {
      for (const rule of this.#rulesByPeer.get(peer) ?? []) rules.add(rule);
    }
    const theirPorts = this.#ownPorts ?? identity?.namedPorts;
    const claims = [...rules].flatMap((rule) => claimsOf(rule, theirPorts));
    const named = this.#namedForAny.flatMap((rule) => namedClaims(rule, theirPorts));
    const host = this.#allowsHost && number === hostIdentity ? [allowAll] : [];
    return closeRows([...claims, ...named, ...host], this.#wildcard);
  }
}

const allowAll: Claim = { region: everything, verdict: 'allow', rule: noRule };

function claimsOf(rule: CompiledRule, ports: Identity['namedPorts'] | undefined): readonly Claim[] {
  const { regions, verdict, number } = rule;
  return [...regions.map((region) => ({ region, verdict, rule: number })), ...namedClaims(rule, ports)];
}

function namedClaims(rule: CompiledRule, ports: Identity['namedPorts'] | undefined): readonly Claim[] {
  return rule.namedPorts.flatMap(({ protocol, name }) =>
    (ports?.get(`${protocol}/${name}`) ?? []).map((port) => ({
      region: pointRegion(protocol, port),
      verdict: rule.verdict,
      rule: rule.number,
    })),
  );
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
