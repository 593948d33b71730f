import type { Direction, Policy, PolicyRef } from '../model.ts';
import { compilePolicy } from './compiled-policy.ts';
import type { CompiledDirection, CompiledPolicy, RuleRef } from './compiled-policy.ts';
import { reservedIdentityList } from './identity.ts';
import type { Identity } from './identity.ts';
import { PeerIndex } from './peer-index.ts';
import { regionKey } from './region.ts';
import type { Region } from './region.ts';
import { lookUp } from './rows.ts';
import type { Row, Verdict } from './rows.ts';
import { SubjectRules } from './subject.ts';

/** The remote identity of rows for anybody. */
export const anybody = 0;

/** A row of the policy map that came, changed or went. */
export interface RowChange {
  readonly subject: number;
  readonly direction: Direction;
  /** `anybody`, or an identity. */
  readonly remote: number;
  readonly region: Region;
  /** Absent: the row is gone. */
  readonly row?: { readonly verdict: Verdict; readonly rule: number };
}

/** A workload of this node whose traffic is judged. */
export interface Subject {
  /** Its key in the policy map. */
  readonly number: number;
  /** The identity whose labels policies select. */
  readonly identity: number;
  /** `protocol/name` → its container ports. */
  readonly namedPorts: Identity['namedPorts'];
}

interface SubjectState {
  readonly subject: Subject;
  readonly rules: Map<Direction, SubjectRules>;
  /** What was told, by direction and remote identity. */
  readonly told: Map<string, readonly Row[]>;
}

const directions: readonly Direction[] = ['ingress', 'egress'];

/**
 * Policies, identities and subjects in; rows of the policy map out, as changes. What comes in costs what it touches: a
 * new identity the peers that it may be one of, not all policies.
 */
export class Resolver {
  readonly #index: PeerIndex;
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #policiesBySubject = new Map<string, Set<CompiledPolicy>>();
  readonly #subjects = new Map<number, SubjectState>();
  readonly #rules = new Map<number, RuleRef>();
  #lastRule = 0;
  #changes: RowChange[] = [];

  constructor(localCluster: string) {
    this.#index = new PeerIndex(localCluster);
    for (const identity of reservedIdentityList()) this.#index.upsert(identity);
  }

  /** Which rule a row came from; undefined for what holds without any. */
  rule(number: number): RuleRef | undefined {
    return this.#rules.get(number);
  }

  /** All changes since this was last asked, in order. */
  takeChanges(): readonly RowChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  upsertPolicy(policy: Policy): void {
    const before = this.#policies.get(refKey(policy.ref));
    const compiled = compilePolicy(policy, {
      use: (peer) => this.#index.use(peer),
      numberRule: (rule) => this.#numberRule(rule),
    });
    this.#policies.set(refKey(policy.ref), compiled);
    addTo(this.#policiesBySubject, compiled.subject, compiled);
    this.#replaced(before, compiled);
  }

  removePolicy(ref: PolicyRef): void {
    const before = this.#policies.get(refKey(ref));
    if (before === undefined) return;
    this.#policies.delete(refKey(ref));
    this.#replaced(before, undefined);
  }

  upsertIdentity(identity: Identity): void {
    this.#moved(identity.number, this.#index.upsert(identity));
  }

  removeIdentity(number: number): void {
    this.#moved(number, this.#index.remove(number));
  }

  upsertSubject(subject: Subject): void {
    const told = this.#subjects.get(subject.number)?.told ?? new Map<string, readonly Row[]>();
    const rules = this.#subjects.get(subject.number)?.rules ?? new Map<Direction, SubjectRules>();
    const state: SubjectState = { subject, rules, told };
    this.#subjects.set(subject.number, state);
    this.#rebuild(state);
  }

  removeSubject(number: number): void {
    const state = this.#subjects.get(number);
    if (state === undefined) return;
    this.#subjects.delete(number);
    for (const key of state.told.keys()) {
      const [direction, remote] = toldKeyParts(key);
      this.#tell(state, direction, remote, []);
    }
  }

  /** The rows that judge a flow, and the one that decides; undefined: dropped, since nothing allows it. */
  judge(subject: number, direction: Direction, remote: number, at: Region): Row | undefined {
    const rules = this.#subjects.get(subject)?.rules.get(direction);
    return rules === undefined ? undefined : lookUp(at, rules.rowsOf(remote), rules.wildcard);
  }

  #replaced(before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): void {
    if (before !== undefined) removeFrom(this.#policiesBySubject, before.subject, before);
    for (const state of this.#subjects.values()) {
      const peers = this.#index.peersOf(state.subject.identity);
      if ([before, after].some((policy) => policy !== undefined && peers.has(policy.subject))) this.#rebuild(state);
    }
    for (const key of before?.usedPeers ?? []) this.#index.release(key);
    for (const number of before?.ruleNumbers ?? []) this.#rules.delete(number);
  }

  /** An identity came to, changed in, or left these peers. */
  #moved(number: number, peers: ReadonlySet<string>): void {
    for (const state of this.#subjects.values()) {
      if (state.subject.identity === number) this.#rebuild(state);
      for (const [direction, rules] of state.rules) {
        if (rules.concerns(peers)) this.#tell(state, direction, number, rules.rowsOf(number));
      }
    }
  }

  /** A subject whose labels are not known keeps what it has: without rows it would be open to nobody or to all. */
  #rebuild(state: SubjectState): void {
    if (this.#index.identity(state.subject.identity) === undefined) return;
    for (const direction of directions) {
      const policies = this.#policiesOf(state.subject.identity, direction);
      const ports = direction === 'ingress' ? state.subject.namedPorts : undefined;
      const rules = new SubjectRules(this.#index, policies, direction, ports);
      state.rules.set(direction, rules);
      const named = rules.namedIdentities();
      for (const key of [...state.told.keys()]) {
        const [toldDirection, remote] = toldKeyParts(key);
        if (toldDirection === direction && remote !== anybody && !named.has(remote)) {
          this.#tell(state, direction, remote, []);
        }
      }
      this.#tell(state, direction, anybody, rules.wildcard);
      for (const remote of named) this.#tell(state, direction, remote, rules.rowsOf(remote));
    }
  }

  #policiesOf(identity: number, direction: Direction): readonly CompiledDirection[] {
    const selected = [...this.#index.peersOf(identity)].flatMap((peer) => [
      ...(this.#policiesBySubject.get(peer) ?? []),
    ]);
    return selected.flatMap((policy) => policy[direction] ?? []);
  }

  /** Tells how the rows differ from those told before. Rows that come are told before rows that go. */
  #tell(state: SubjectState, direction: Direction, remote: number, rows: readonly Row[]): void {
    const key = `${direction} ${remote}`;
    const before = new Map((state.told.get(key) ?? []).map((row) => [regionKey(row.region), row]));
    const about = { subject: state.subject.number, direction, remote };
    for (const { region, verdict, rule } of rows) {
      const old = before.get(regionKey(region));
      before.delete(regionKey(region));
      if (old?.verdict === verdict && old.rule === rule) continue;
      this.#changes.push({ ...about, region, row: { verdict, rule } });
    }
    for (const { region } of before.values()) this.#changes.push({ ...about, region });
    if (rows.length > 0) state.told.set(key, rows);
    else state.told.delete(key);
  }

  #numberRule(rule: RuleRef): number {
    this.#lastRule += 1;
    this.#rules.set(this.#lastRule, rule);
    return this.#lastRule;
  }
}

function toldKeyParts(key: string): readonly [Direction, number] {
  const [direction, remote] = key.split(' ');
  return [direction as Direction, Number(remote)];
}

function refKey({ kind, namespace, name }: PolicyRef): string {
  return `${kind}/${namespace}/${name}`;
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, member: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([member]));
  else set.add(member);
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, member: V): void {
  const set = sets.get(key);
  set?.delete(member);
  if (set?.size === 0) sets.delete(key);
}
