import type { Direction } from '../model.ts';
import type { CompiledDirection } from './compiled-policy.ts';
import type { NamedPorts } from './identity.ts';
import type { PeerIndex } from './peer-index.ts';
import { regionKey } from './region.ts';
import type { Region } from './region.ts';
import type { Row, Verdict } from './row.ts';
import { SubjectRules } from './subject-rules.ts';

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
  /** Of all of this node's pods that are this subject. */
  readonly namedPorts: NamedPorts;
}

/** The rows of one subject in one direction: what was told of them, and what has to be looked at again. */
export class SubjectDirection {
  readonly direction: Direction;
  readonly #index: PeerIndex;
  #subject: Subject;
  #rules: SubjectRules | undefined;
  /** Policies, or what they mean by ports, may have changed since. */
  #isStale = true;
  #isNew = true;
  readonly #told = new Map<number, readonly Row[]>();
  readonly #movedIdentities = new Set<number>();
  readonly #changedPeers = new Set<string>();

  constructor(index: PeerIndex, subject: Subject, direction: Direction) {
    this.#index = index;
    this.#subject = subject;
    this.direction = direction;
  }

  get subject(): Subject {
    return this.#subject;
  }

  /** The same workload; its pods, and so its named ports, may be others. */
  replace(subject: Subject): void {
    this.#subject = subject;
    this.#isStale = this.#isNew = true;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  /** Undefined until the labels of the subject were known. */
  get rules(): SubjectRules | undefined {
    return this.#rules;
  }

  /** What stands in the map once all changes are applied. */
  get told(): ReadonlyMap<number, readonly Row[]> {
    return this.#told;
  }

  /** This identity came, changed or went. */
  moved(identity: number): void {
    this.#movedIdentities.add(identity);
  }

  /** Other policies select the subject, or rules with these peers came, changed or went. */
  changed(peers: Iterable<string>): void {
    this.#isStale = true;
    for (const peer of peers) this.#changedPeers.add(peer);
  }

  /** Takes over what these policies say now: the rules, and the rows for anybody. */
  *rebuild(policies: readonly CompiledDirection[]): Generator<RowChange> {
    const before = this.#rules;
    const ports = this.direction === 'ingress' ? this.#subject.namedPorts : undefined;
    const after = new SubjectRules(this.#index, policies, this.direction, ports);
    this.#rules = after;
    const wildcard = [...this.#tell(anybody, after.wildcard.rows)];
    const touchesAll = [before, after].some((rules) => rules === undefined || rules.namesPortsOfAnybody);
    if (touchesAll || this.#isNew || wildcard.length > 0) {
      for (const number of [...this.#told.keys(), ...after.namedIdentities()]) this.#movedIdentities.add(number);
    }
    this.#isStale = this.#isNew = false;
    yield* wildcard;
  }

  /** How the rows of identities differ from those told before. */
  *changes(): Generator<RowChange> {
    const rules = this.#rules;
    if (rules === undefined) return;
    for (const peer of this.#changedPeers) {
      for (const number of this.#index.members(peer)) this.#movedIdentities.add(number);
    }
    this.#movedIdentities.delete(anybody);
    for (const number of this.#movedIdentities) yield* this.#tell(number, rules.rowsOf(number));
    this.#movedIdentities.clear();
    this.#changedPeers.clear();
  }

  /** Every row goes. */
  *removal(): Generator<RowChange> {
    for (const remote of [...this.#told.keys()]) yield* this.#tell(remote, []);
  }

  /** Rows that come are told before rows that go. */
  *#tell(remote: number, rows: readonly Row[]): Generator<RowChange> {
    const told = this.#told.get(remote) ?? [];
    if (rows.length > 0) this.#told.set(remote, rows);
    else this.#told.delete(remote);
    if (told === rows) return;
    const before = new Map(told.map((row) => [regionKey(row.region), row]));
    const about = { subject: this.#subject.number, direction: this.direction, remote };
    for (const { region, verdict, rule } of rows) {
      const old = before.get(regionKey(region));
      before.delete(regionKey(region));
      if (old?.verdict !== verdict || old.rule !== rule) yield { ...about, region, row: { verdict, rule } };
    }
    for (const { region } of before.values()) yield { ...about, region };
  }
}
