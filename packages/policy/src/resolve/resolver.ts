import type { Prefix } from '@clustermesh/wire';

import type { Direction, Peer, Policy, PolicyRef } from '../model.ts';
import { compilePolicy } from './compiled-policy.ts';
import type { CompiledDirection, CompiledPolicy, RuleRef } from './compiled-policy.ts';
import { explainFlow } from './explain.ts';
import type { Explanation } from './explain.ts';
import { firstLocalSubject, reservedIdentityList } from './identity.ts';
import type { Identity } from './identity.ts';
import { Networks } from './networks.ts';
import type { NetworkChange } from './networks.ts';
import { PeerIndex } from './peer-index.ts';
import { peerKey } from './peer.ts';
import type { StaticPeer } from './peer.ts';
import { regionKey } from './region.ts';
import type { Region } from './region.ts';
import { RowTable } from './row-table.ts';
import { lookUp } from './rows.ts';
import type { Row } from './row.ts';
import { RuleNumbers, refKey } from './rule-numbers.ts';
import { Services, isNamedBy } from './services.ts';
import type { PolicyService, ServiceName } from './services.ts';
import { SubjectDirection } from './subject-direction.ts';
import type { RowChange, Subject } from './subject-direction.ts';

const directions: readonly Direction[] = ['ingress', 'egress'];

/**
 * Policies, identities, services and subjects in; rows of the policy map out, as changes. What comes in costs what it
 * touches: a new identity the peers that it may be one of, not all policies. Rows are worked out when they are asked
 * for, so that what comes in together is worked out once.
 */
export class Resolver {
  readonly #index: PeerIndex;
  readonly #networks = new Networks();
  readonly #services = new Services();
  readonly #policies = new Map<string, CompiledPolicy>();
  /** Keys of those that name services. */
  readonly #namingServices = new Set<string>();
  readonly #policiesBySubject = new Map<string, Set<CompiledPolicy>>();
  readonly #subjects = new Map<number, readonly SubjectDirection[]>();
  readonly #subjectsByIdentity = new Map<number, Set<SubjectDirection>>();
  /** Whose rules name a peer. */
  readonly #namedIn = new Map<string, Set<SubjectDirection>>();
  readonly #numbers = new RuleNumbers();
  readonly #touched = new Set<SubjectDirection>();
  /** What they used is still needed to tell whose rows go. */
  readonly #replaced: CompiledPolicy[] = [];
  #changes: RowChange[] = [];
  /** A row may be among the changes twice: those that were worked out earlier were not taken before others came. */
  #mayRepeat = false;

  constructor(localCluster: string) {
    this.#index = new PeerIndex(localCluster);
    for (const identity of reservedIdentityList()) this.#index.upsert(identity);
  }

  /** Which rule a row came from; undefined for what holds without any. */
  rule(number: number): RuleRef | undefined {
    return this.#numbers.rule(number);
  }

  identity(number: number): Identity | undefined {
    return this.#index.identity(number);
  }

  /** Is there anything to take? */
  get hasChanges(): boolean {
    return this.#changes.length > 0 || this.#touched.size > 0;
  }

  /** Have all changes of the subject's rows been taken, or are among those that are taken next? */
  isSettled(subject: number): boolean {
    return (this.#subjects.get(subject) ?? []).every((each) => !this.#touched.has(each));
  }

  /**
   * Changes since this was last asked, one of each row. All of them; or, of many subjects, those of some: `isEnough` is asked
   * after each direction of each, and the others are told the next time.
   */
  takeChanges(isEnough: () => boolean = () => false): readonly RowChange[] {
    this.#settle(isEnough);
    const changes = this.#mayRepeat ? lastOfEach(this.#changes) : this.#changes;
    this.#changes = [];
    this.#mayRepeat = false;
    return changes;
  }

  /** Networks that policies began or ceased to name since this was last asked: each needs an identity of its own. */
  takeNetworkChanges(): readonly NetworkChange[] {
    return this.#networks.takeChanges();
  }

  /** The most specific network of any policy that covers this one. */
  networkAround(prefix: Prefix): Prefix | undefined {
    return this.#networks.around(prefix);
  }

  upsertPolicy(policy: Policy): void {
    const key = refKey(policy.ref);
    const before = this.#policies.get(key);
    const after = compilePolicy(policy, {
      use: (peer) => this.#use(peer),
      numberRule: (rule) => this.#numbers.numberOf(rule),
      expand: (peer) => this.#services.expand(peer),
    });
    this.#policies.set(key, after);
    if (peersIn(policy).some(isOfServices)) this.#namingServices.add(key);
    else this.#namingServices.delete(key);
    addTo(this.#policiesBySubject, after.subject, after);
    this.#replace(before, after);
  }

  removePolicy(ref: PolicyRef): void {
    const before = this.#policies.get(refKey(ref));
    if (before === undefined) return;
    this.#policies.delete(refKey(ref));
    this.#namingServices.delete(refKey(ref));
    this.#replace(before, undefined);
  }

  /** An object holds several policies, and may hold others from now on. */
  replacePolicies(before: readonly Policy[], after: readonly Policy[]): void {
    const kept = new Set(after.map(({ ref }) => refKey(ref)));
    for (const { ref } of before) if (!kept.has(refKey(ref))) this.removePolicy(ref);
    for (const policy of after) this.upsertPolicy(policy);
  }

  upsertService(service: PolicyService): void {
    this.#servicesChanged(this.#services.upsert(service));
  }

  removeService(name: ServiceName): void {
    this.#servicesChanged(this.#services.remove(name));
  }

  upsertIdentity(identity: Identity): void {
    const { number } = identity;
    const before = this.#index.identity(number) === undefined ? undefined : this.#index.peersOf(number);
    this.#moved(number, this.#index.upsert(identity));
    if (before !== undefined && haveSame(before, this.#index.peersOf(number))) return;
    for (const subject of this.#subjectsByIdentity.get(number) ?? []) {
      // Other policies may select it now, or what became of them while its labels were not known was not told: all is new.
      subject.replace(subject.subject);
      this.#change(subject, []);
    }
  }

  /** A subject whose labels are not known any more keeps its rows: without, it would be open to nobody. */
  removeIdentity(number: number): void {
    this.#moved(number, this.#index.remove(number));
  }

  upsertSubject(subject: Subject): void {
    const known = this.#subjects.get(subject.number);
    const both = known ?? directions.map((direction) => new SubjectDirection(this.#index, subject, direction));
    this.#subjects.set(subject.number, both);
    for (const each of both) {
      removeFrom(this.#subjectsByIdentity, each.subject.identity, each);
      addTo(this.#subjectsByIdentity, subject.identity, each);
      each.replace(subject);
      this.#touched.add(each);
    }
  }

  removeSubject(number: number): void {
    this.#mayRepeat ||= this.#changes.length > 0;
    for (const each of this.#subjects.get(number) ?? []) {
      this.#changes.push(...each.removal());
      this.#touched.delete(each);
      removeFrom(this.#subjectsByIdentity, each.subject.identity, each);
      for (const peer of namesOf(each)) removeFrom(this.#namedIn, peer, each);
    }
    this.#subjects.delete(number);
  }

  /** Every row that the map should have of a subject. */
  *rowsOf(number: number, direction: Direction): Generator<{ readonly remote: number; readonly row: Row }> {
    for (const [remote, rows] of this.#subjectDirection(number, direction)?.told ?? []) {
      for (const row of rows) yield { remote, row };
    }
  }

  /** The row that decides a flow; undefined: dropped, since nothing allows it. */
  judge(subject: number, direction: Direction, remote: number, at: Region): Row | undefined {
    const rules = this.#subjectDirection(subject, direction)?.rules;
    return rules && lookUp(at, new RowTable(rules.rowsOf(remote)), rules.wildcard);
  }

  /** The verdict on a flow, and everything that has a say in it. */
  explain(subject: number, direction: Direction, remote: number, at: Region): Explanation {
    const rules = this.#subjectDirection(subject, direction)?.rules;
    return explainFlow(rules, remote, at, (number) => this.rule(number));
  }

  #subjectDirection(number: number, direction: Direction): SubjectDirection | undefined {
    this.#settle();
    return this.#subjects.get(number)?.find((each) => each.direction === direction);
  }

  #use(peer: StaticPeer): string {
    this.#networks.use(peer);
    return this.#index.use(peer);
  }

  #servicesChanged(services: readonly PolicyService[]): void {
    if (services.length === 0) return;
    const isNamed = (peer: Peer): boolean => isOfServices(peer) && services.some((service) => isNamedBy(peer, service));
    for (const key of this.#namingServices) {
      const policy = this.#policies.get(key)?.policy;
      if (policy !== undefined && peersIn(policy).some(isNamed)) this.upsertPolicy(policy);
    }
  }

  #replace(before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): void {
    if (before !== undefined) {
      removeFrom(this.#policiesBySubject, before.subject, before);
      for (const peer of before.usedPeers) this.#networks.release(peer);
      this.#replaced.push(before);
    }
    const both = [before, after].filter((policy) => policy !== undefined);
    for (const subject of [...this.#subjects.values()].flat()) {
      const { identity } = subject.subject;
      for (const policy of both.filter((each) => this.#index.isMember(each.subject, identity))) {
        this.#change(subject, peersOf(policy[subject.direction]));
      }
    }
  }

  #change(subject: SubjectDirection, peers: Iterable<string>): void {
    subject.changed(peers);
    this.#touched.add(subject);
  }

  /** An identity came to, changed in, or left these peers. */
  #moved(number: number, peers: ReadonlySet<string>): void {
    if (number >= firstLocalSubject) return;
    const touch = (subject: SubjectDirection): void => {
      subject.moved(number);
      this.#touched.add(subject);
    };
    for (const peer of peers) this.#namedIn.get(peer)?.forEach(touch);
    this.#namedIn.get(anyPort)?.forEach(touch);
  }

  /** Works out what all that came in since means for rows. */
  #settle(isEnough: () => boolean = () => false): void {
    this.#mayRepeat ||= this.#changes.length > 0 && this.#touched.size > 0;
    for (const subject of this.#touched) {
      this.#touched.delete(subject);
      if (this.#index.identity(subject.subject.identity) === undefined) continue;
      if (subject.isStale) this.#rebuild(subject);
      for (const change of subject.changes()) this.#changes.push(change);
      if (isEnough()) break;
    }
    if (this.#touched.size > 0) return;
    for (const policy of this.#replaced.splice(0)) this.#release(policy);
  }

  #rebuild(subject: SubjectDirection): void {
    for (const peer of namesOf(subject)) removeFrom(this.#namedIn, peer, subject);
    const policies = this.#policiesOf(subject.subject.identity, subject.direction);
    for (const change of subject.rebuild(policies)) this.#changes.push(change);
    for (const peer of namesOf(subject)) addTo(this.#namedIn, peer, subject);
  }

  #policiesOf(identity: number, direction: Direction): readonly CompiledDirection[] {
    const selected = this.#index.peersOf(identity).flatMap((peer) => [...(this.#policiesBySubject.get(peer) ?? [])]);
    return selected.flatMap((policy) => policy[direction] ?? []);
  }

  #release(policy: CompiledPolicy): void {
    for (const peer of policy.usedPeers) this.#index.release(peerKey(peer));
    const kept = new Set(ruleNumbersOf(this.#policies.get(refKey(policy.policy.ref))));
    for (const number of ruleNumbersOf(policy)) if (!kept.has(number)) this.#numbers.forget(number);
  }
}

/** Stands in for a peer where rules name ports of anybody. */
const anyPort = '';

function namesOf({ rules }: SubjectDirection): readonly string[] {
  return [...(rules?.peers ?? []), ...(rules?.namesPortsOfAnybody === true ? [anyPort] : [])];
}

function peersIn({ ingress, egress }: Policy): readonly Peer[] {
  return [...(ingress?.rules ?? []), ...(egress?.rules ?? [])].flatMap(({ peers }) => (peers === 'any' ? [] : peers));
}

function isOfServices(peer: Peer): peer is Exclude<Peer, StaticPeer> {
  return peer.kind === 'service' || peer.kind === 'services';
}

/** In the order in which they came last. */
function lastOfEach(changes: readonly RowChange[]): RowChange[] {
  const byRow = new Map<string, RowChange>();
  for (const change of changes) {
    const key = [change.subject, change.direction, change.remote, regionKey(change.region)].join(' ');
    byRow.delete(key);
    byRow.set(key, change);
  }
  return [...byRow.values()];
}

function ruleNumbersOf(policy: CompiledPolicy | undefined): readonly number[] {
  return [...(policy?.ingress?.rules ?? []), ...(policy?.egress?.rules ?? [])].map(({ number }) => number);
}

function peersOf(said: CompiledDirection | undefined): readonly string[] {
  return (said?.rules ?? []).flatMap(({ peers }) => (peers === 'any' ? [] : peers));
}

function haveSame(left: readonly string[], right: readonly string[]): boolean {
  const known = new Set(left);
  return left.length === right.length && right.every((key) => known.has(key));
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
