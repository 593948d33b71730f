import { Resolver, network, workload } from '@clustermesh/policy';
import type { NamedPorts, Policy, PolicyService, RowChange, ServiceName } from '@clustermesh/policy';
import type { LabelArray, Prefix } from '@clustermesh/wire';

import type { EntryPorts } from '../tables/entry-ports.ts';
import type { IdentityTable } from '../tables/identity-table.ts';
import type { PolicyRow, PolicyTable } from '../tables/policy-table.ts';
import { namedPortsOf, noPorts, unionOf } from './named-ports.ts';
import { NetworkNumbers } from './network-numbers.ts';
import type { NumberedNetwork } from './network-numbers.ts';
import type { PodSubject } from './pod-subjects.ts';

/** Whose traffic is judged: nobody's, what crosses clusters, or all of the pods'. */
export const policyScopes = ['none', 'mesh', 'all'] as const;
export type PolicyScope = (typeof policyScopes)[number];

export interface PolicyStateOptions {
  readonly localCluster: string;
  readonly scope: PolicyScope;
  readonly policies: Pick<PolicyTable, 'rows'>;
  readonly identities: Pick<IdentityTable, 'get'>;
  /** Of identities; a change of them is told by `identityChanged`. */
  readonly ports: Pick<EntryPorts, 'of'>;
  /** Policies are listed, and the identities of our own cluster: before that a missing one proves nothing. */
  readonly isSynced: () => boolean;
  /** There is work. */
  readonly onChange: () => void;
  readonly monotonicMs: () => number;
}

/**
 * What policies say of this node's pods, brought up to date step by step: policies, then identities, then the subjects
 * that policies are about. No row is made before all policies are known: what one allows another may deny. A policy waits for
 * no identities: another cluster may have very many that change (I1).
 */
export class PolicyState {
  readonly resolver: Resolver;
  readonly scope: PolicyScope;
  readonly #options: PolicyStateOptions;
  readonly #applied = new Map<string, readonly Policy[]>();
  readonly #subjects = new Map<number, PodSubject>();
  readonly #changedIdentities = new Set<number>();
  readonly #changedPolicies = new Set<string>();
  readonly #changedSubjects = new Set<number>();
  /** Subjects that the resolver makes rows for. */
  readonly #resolved = new Set<number>();
  /** Of these, those whose rows are in the maps. */
  readonly #ready = new Set<number>();
  readonly #networks = new NetworkNumbers();
  /** Named by no policy any more; their numbers are free once no address has them. */
  readonly #leaving = new Map<number, Prefix>();
  /** The resolver was told something that was no step. */
  #isResolverDirty = false;
  #sinceMs: number | undefined;

  constructor(options: PolicyStateOptions) {
    this.#options = options;
    this.scope = options.scope;
    this.resolver = new Resolver(options.localCluster);
  }

  /** What the rows say is what is wanted. */
  get isSynced(): boolean {
    return this.#options.isSynced();
  }

  /** By `kind/namespace/name`. */
  get policies(): ReadonlyMap<string, PolicyRow> {
    return this.#options.policies.rows;
  }

  /** Is there a step to take? */
  get hasWork(): boolean {
    if (this.#isResolverDirty || this.resolver.hasChanges) return true;
    if (this.#changedIdentities.size + this.#changedPolicies.size > 0) return true;
    return this.#resolved.size !== this.#ready.size || (this.#changedSubjects.size > 0 && this.isSynced);
  }

  identityChanged(identity: number): void {
    this.#changedIdentities.add(identity);
    this.#changed();
  }

  policyChanged(key: string): void {
    this.#changedPolicies.add(key);
    this.#changed();
  }

  /** A Service of our cluster, which policies may name. */
  serviceChanged(service: PolicyService): void {
    this.resolver.upsertService(service);
    this.#resolverChanged();
  }

  serviceRemoved(service: ServiceName): void {
    this.resolver.removeService(service);
    this.#resolverChanged();
  }

  /** These have rows from now on, beside those that had. */
  want(subjects: readonly PodSubject[]): void {
    for (const subject of subjects) {
      const before = this.#subjects.get(subject.number);
      if (before !== undefined && isSameSubject(before, subject)) continue;
      this.#subjects.set(subject.number, subject);
      this.#changedSubjects.add(subject.number);
      this.#changedIdentities.add(subject.number);
      this.#changed();
    }
  }

  /** All others have rows no more. */
  keep(numbers: ReadonlySet<number>): void {
    for (const number of this.#subjects.keys()) {
      if (numbers.has(number)) continue;
      this.#subjects.delete(number);
      this.#changedSubjects.add(number);
      this.#changedIdentities.add(number);
      this.#changed();
    }
  }

  /** Are its rows in the maps? */
  isReady(subject: number): boolean {
    return this.#ready.has(subject);
  }

  /** Of this node, whose rows are made. */
  get subjectCount(): number {
    return this.#resolved.size;
  }

  /** Whose rows are no more among those that are wanted, since this was last asked. */
  takeGone(): readonly number[] {
    const gone = [...this.#ready].filter((number) => !this.#resolved.has(number));
    for (const number of gone) this.#ready.delete(number);
    return gone;
  }

  /** All of whose rows have been taken as changes, and who are not marked as ready. */
  completed(): readonly number[] {
    return [...this.#resolved].filter((number) => !this.#ready.has(number) && this.resolver.isSettled(number));
  }

  /** The rows of these are written. */
  markReady(subjects: readonly number[]): void {
    for (const number of subjects) this.#ready.add(number);
  }

  /** Takes one step; the identity that it was about is told once its rows can be made. `undefined`: nothing is left. */
  step(): { readonly identity?: number } | undefined {
    const [policy] = this.#changedPolicies;
    if (policy !== undefined) {
      this.#changedPolicies.delete(policy);
      this.#applyPolicy(policy);
      return {};
    }
    const [identity] = this.#changedIdentities;
    if (identity !== undefined) {
      this.#changedIdentities.delete(identity);
      this.#applyIdentity(identity);
      return { identity };
    }
    const [subject] = this.isSynced ? this.#changedSubjects : [];
    if (subject === undefined) return undefined;
    this.#changedSubjects.delete(subject);
    this.#applySubject(subject);
    return {};
  }

  /** Changes of rows; of many subjects, those of some, until it `isEnough`. */
  takeChanges(isEnough: () => boolean): readonly RowChange[] {
    this.#isResolverDirty = false;
    return this.resolver.takeChanges(isEnough);
  }

  /** A network had this identity when we came. */
  restoreNetwork(prefix: Prefix, number: number): void {
    this.#networks.restore(prefix, number);
    this.#leaving.set(number, prefix);
  }

  /** The network that an identity of this node stands for. */
  networkOf(identity: number): Prefix | undefined {
    return this.#networks.get(identity);
  }

  /**
   * Networks that policies began or ceased to name since this was last asked. Those that came get rows with the changes
   * that are taken next; addresses have their identities only after.
   */
  takeNetworks(): { readonly named: readonly NumberedNetwork[]; readonly left: readonly Prefix[] } {
    const changes = this.resolver.takeNetworkChanges();
    const named = changes.flatMap(({ prefix, isNamed }) => {
      if (!isNamed) return [];
      const number = this.#networks.numberOf(prefix);
      this.#leaving.delete(number);
      this.resolver.upsertIdentity(network(number, prefix));
      return [{ prefix, number }];
    });
    const left = changes.flatMap(({ prefix, isNamed }) => (isNamed ? [] : [prefix]));
    for (const prefix of left) this.#leaving.set(this.#networks.numberOf(prefix), prefix);
    return { named, left };
  }

  /** Gives up networks that no policy names and no address has any more. */
  forgetNetworks(isInUse: (network: NumberedNetwork) => boolean): void {
    for (const [number, prefix] of this.#leaving) {
      if (isInUse({ number, prefix })) continue;
      this.#leaving.delete(number);
      this.#networks.release(prefix);
      this.resolver.removeIdentity(number);
      this.#resolverChanged();
    }
  }

  /** Monotonic: when the oldest change came in since this was last asked. */
  takeSinceMs(): number | undefined {
    const sinceMs = this.#sinceMs;
    this.#sinceMs = undefined;
    return sinceMs;
  }

  #applyIdentity(number: number): void {
    const labels = this.#labelsOf(number);
    if (labels === undefined) this.resolver.removeIdentity(number);
    else this.resolver.upsertIdentity(workload(number, labels, this.#portsOf(number)));
    // Rows wait for the labels of their subject.
    if (labels !== undefined && this.#subjects.has(number) && !this.#resolved.has(number)) {
      this.#changedSubjects.add(number);
    }
  }

  #applyPolicy(key: string): void {
    const after = this.policies.get(key)?.parsed.policies ?? [];
    this.resolver.replacePolicies(this.#applied.get(key) ?? [], after);
    if (after.length === 0) this.#applied.delete(key);
    else this.#applied.set(key, after);
  }

  #applySubject(number: number): void {
    const subject = this.#subjects.get(number);
    if (subject === undefined) {
      this.resolver.removeSubject(number);
      this.#resolved.delete(number);
      return;
    }
    if (this.#labelsOf(number) === undefined) return;
    this.resolver.upsertSubject({ number, identity: number, namedPorts: subject.namedPorts });
    this.#resolved.add(number);
  }

  #resolverChanged(): void {
    this.#isResolverDirty = true;
    this.#changed();
  }

  #labelsOf(number: number): LabelArray | undefined {
    return this.#subjects.get(number)?.labels ?? this.#options.identities.get(number)?.labels;
  }

  #portsOf(number: number): NamedPorts {
    const published = namedPortsOf(this.#options.ports.of(number));
    return unionOf(this.#subjects.get(number)?.namedPorts ?? noPorts, published);
  }

  #changed(): void {
    this.#sinceMs ??= this.#options.monotonicMs();
    this.#options.onChange();
  }
}

function isSameSubject(left: PodSubject, right: PodSubject): boolean {
  return textOf(left) === textOf(right);
}

function textOf({ labels, namedPorts }: PodSubject): string {
  return JSON.stringify([labels, [...namedPorts]]);
}
