import type { Direction, PolicyRef } from '../model.ts';
import type { CompiledDirection, CompiledRule } from './compiled-policy.ts';
import type { NamedPorts } from './identity.ts';
import type { PeerIndex } from './peer-index.ts';
import { everything, pointRegion } from './region.ts';
import type { Region } from './region.ts';
import { RowTable } from './row-table.ts';
import { closeRows } from './rows.ts';
import type { Claim, Row } from './row.ts';

/** The number of no rule: what holds where no policy says anything. */
export const noRule = 0;
export const hostIdentity = 1;

/** Sets of rules are few where identities are many: what each comes to is worked out once. */
const maxRemembered = 4_096;

/** What policies say of one subject in one direction: rows for anybody, and for each identity that rules name. */
export class SubjectRules {
  readonly policies: readonly PolicyRef[];
  readonly isDefaultDeny: boolean;
  readonly wildcard: RowTable;
  readonly #index: PeerIndex;
  /** The node's own programs probe its pods: never dropped by a default. */
  readonly #allowsHost: boolean;
  readonly #ownPorts: NamedPorts | undefined;
  readonly #rulesByPeer = new Map<string, CompiledRule[]>();
  readonly #forAnybody: readonly CompiledRule[];
  /** For anybody who has a port of that name. */
  readonly #namedForAny: readonly CompiledRule[];
  /** Rows depend on more of the other side than which rules are about it. */
  readonly #needsTheirPorts: boolean;
  readonly #remembered = new Map<string, readonly Row[]>();

  /**
   * @param ownPorts of the subject where connections come to it; absent where they go from it, to a port of the other
   */
  constructor(
    index: PeerIndex,
    policies: readonly CompiledDirection[],
    direction: Direction,
    ownPorts: NamedPorts | undefined,
  ) {
    const rules = policies.flatMap((policy) => policy.rules);
    this.policies = policies.map(({ ref }) => ref);
    this.isDefaultDeny = policies.some(({ defaultDeny }) => defaultDeny);
    this.#index = index;
    this.#ownPorts = ownPorts;
    this.#allowsHost = direction === 'ingress';
    this.#forAnybody = rules.filter(({ peers }) => peers === 'any');
    this.#namedForAny =
      ownPorts === undefined ? this.#forAnybody.filter(({ namedPorts }) => namedPorts.length > 0) : [];
    this.#needsTheirPorts = ownPorts === undefined && rules.some(({ namedPorts }) => namedPorts.length > 0);
    for (const rule of rules) {
      if (rule.peers !== 'any') for (const peer of rule.peers) append(this.#rulesByPeer, peer, rule);
    }
    const claims = this.#forAnybody.flatMap((rule) => claimsOf(rule, ownPorts));
    this.wildcard = new RowTable(closeRows(this.isDefaultDeny ? claims : [...claims, allowAll]));
  }

  /** Keys of the peers that rules name. */
  get peers(): Iterable<string> {
    return this.#rulesByPeer.keys();
  }

  /** Whoever has a port with a name may have rows, whichever peer they are. */
  get namesPortsOfAnybody(): boolean {
    return this.#namedForAny.length > 0;
  }

  /** Everybody who may have rows of their own. */
  namedIdentities(): ReadonlySet<number> {
    const numbers = new Set<number>(this.#allowsHost ? [hostIdentity] : []);
    for (const peer of this.#rulesByPeer.keys()) for (const number of this.#index.members(peer)) numbers.add(number);
    if (this.namesPortsOfAnybody) for (const number of this.#index.withNamedPorts) numbers.add(number);
    return numbers;
  }

  rowsOf(number: number): readonly Row[] {
    const rules = this.#rulesNaming(number);
    const isHost = this.#allowsHost && number === hostIdentity;
    if (this.#needsTheirPorts) return closeRows(this.#claims(number, rules), this.wildcard);
    if (rules.length === 0 && !isHost) return [];
    const key = `${isHost ? 'host ' : ''}${rules.map((rule) => rule.number).join()}`;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    const rows = closeRows(this.#claims(number, rules), this.wildcard);
    this.#remembered.set(key, rows);
    return rows;
  }

  /** Every rule that speaks of traffic with this identity there. */
  rulesAbout(number: number, at: Region): readonly CompiledRule[] {
    const ports = this.#portsOf(number);
    return [...this.#rulesNaming(number), ...this.#forAnybody].filter((rule) =>
      new RowTable(claimsOf(rule, ports)).longest(at),
    );
  }

  #claims(number: number, rules: readonly CompiledRule[]): readonly Claim[] {
    const ports = this.#portsOf(number);
    return [
      ...rules.flatMap((rule) => claimsOf(rule, ports)),
      ...this.#namedForAny.flatMap((rule) => namedClaims(rule, ports)),
      ...(this.#allowsHost && number === hostIdentity ? [allowAll] : []),
    ];
  }

  #rulesNaming(number: number): readonly CompiledRule[] {
    const rules = new Set<CompiledRule>();
    for (const peer of this.#index.peersOf(number)) {
      for (const rule of this.#rulesByPeer.get(peer) ?? []) rules.add(rule);
    }
    return [...rules].sort((left, right) => left.number - right.number);
  }

  #portsOf(number: number): NamedPorts | undefined {
    return this.#ownPorts ?? this.#index.identity(number)?.namedPorts;
  }
}

const allowAll: Claim = { region: everything, verdict: 'allow', rule: noRule };

function claimsOf(rule: CompiledRule, ports: NamedPorts | undefined): readonly Claim[] {
  const { regions, verdict, number } = rule;
  return [...regions.map((region) => ({ region, verdict, rule: number })), ...namedClaims(rule, ports)];
}

/** Protocols that carry ports: what a name of any protocol may be. */
const withPorts = [6, 17, 132];

function namedClaims(rule: CompiledRule, ports: NamedPorts | undefined): readonly Claim[] {
  return rule.namedPorts.flatMap((match) => {
    const protocols = match.protocol === 0 ? withPorts : [match.protocol];
    return protocols.flatMap((protocol) =>
      (ports?.get(`${protocol}/${match.name}`) ?? []).map((port) => ({
        region: pointRegion(protocol, port),
        verdict: rule.verdict,
        rule: rule.number,
      })),
    );
  });
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
