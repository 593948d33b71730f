import type { CustomResourceDefinition, KubeClient } from '@clustermesh/kube';
import type { Clock, Random } from '@clustermesh/runtime';

import { clusterAdminRole } from './access/authorizer.ts';
import { builtinTypes } from './builtin-types.ts';
import { customResourceType } from './strategies/custom-resources.ts';
import { expiredEvents } from './strategies/event-expiry.ts';
import { Deletion } from './deletion.ts';
import type { Journal } from './journal/journal.ts';
import { Ledger } from './ledger.ts';
import { ObjectReader } from './object-reader.ts';
import { ObjectWriter } from './object-writer.ts';
import { ResourceSlots } from './resource-slot.ts';
import type { TypeRef } from './resource-slot.ts';
import { ServiceIpAllocator } from './strategies/service-ip-allocator.ts';
import { StoreClient } from './store-client.ts';

export interface KubeApiStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** ClusterIPs come from here. IPv4. */
  readonly serviceCidr?: string;
  /** Changes of a type that are remembered at least: a watch that is further behind gets 410. */
  readonly historySize?: number;
  /** How often a quiet watch gets a bookmark. */
  readonly bookmarkMs?: number;
  /** How long a deleted namespace or CRD keeps its contents; 0 by default. */
  readonly drainDelayMs?: number;
  /** Where changes are kept for the next process; without it, they end with this one. */
  readonly journal?: Journal;
}

const firstNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/**
 * A Kubernetes API in memory, without HTTP: types, objects, revisions and their history. It judges nobody (HTTP does)
 * and runs no controllers but the garbage collector.
 */
export class KubeApiStore {
  readonly read: ObjectReader;
  readonly write: ObjectWriter;
  readonly slots: ResourceSlots;
  readonly #ledger: Ledger;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(options: KubeApiStoreOptions) {
    const { clock, random, serviceCidr = '10.96.0.0/16', historySize = 4096, bookmarkMs = 60_000 } = options;
    const { journal } = options;
    this.#clock = clock;
    this.slots = new ResourceSlots(historySize);
    // Revisions begin at the wall clock, milliseconds: no client of an earlier store can take its history for ours.
    this.#ledger = new Ledger(this.slots, journal?.restored?.revision ?? clock.now(), journal);
    const { drainDelayMs = 0 } = options;
    const deletion = new Deletion({ slots: this.slots, ledger: this.#ledger, clock, drainDelayMs });
    const deps = { slots: this.slots, ledger: this.#ledger, deletion, clock, random };
    this.read = new ObjectReader({ ...deps, bookmarkMs });
    this.write = new ObjectWriter(deps);
    const onCrd = (before: CustomResourceDefinition | undefined, after: CustomResourceDefinition | undefined): void =>
      this.#serveCustomResource(before, after);
    for (const type of builtinTypes({ addresses: new ServiceIpAllocator(serviceCidr), onCrd })) {
      this.slots.put(type, this.#ledger.revision);
    }
    this.#restore(journal);
    deletion.resume();
    const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
    for (const name of firstNamespaces) this.#ensure(namespaces, { metadata: { name } });
    this.#ensure({ group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' }, clusterAdminRole);
  }

  /** The resourceVersion of the latest change. */
  get revision(): number {
    return this.#ledger.revision;
  }

  client(): KubeClient {
    return new StoreClient(this.read, this.write);
  }

  /** Forgets the history, as after five minutes on a real cluster: old watches and lists get 410. */
  compact(): void {
    for (const slot of this.slots) slot.objects.compact();
  }

  /** Deletes events whose time is over; to be called now and then. */
  expireEvents(): void {
    const events = this.slots.get('', 'events')?.objects;
    for (const { metadata } of expiredEvents(events?.objects() ?? [], this.#clock.now())) {
      this.write.delete({ group: '', version: 'v1', plural: 'events' }, metadata);
    }
  }

  #restore(journal: Journal | undefined): void {
    const { snapshot = [], changes = [] } = journal?.restored ?? {};
    for (const entry of snapshot) this.#ledger.restore(entry, 'state');
    for (const entry of changes) this.#ledger.restore(entry, 'change');
  }

  /** Cluster-scoped; what is there stays as it is. */
  #ensure(type: TypeRef, object: { readonly metadata: { readonly name: string } }): void {
    if (this.slots.get(type.group, type.plural)?.objects.get(object.metadata.name) !== undefined) return;
    this.write.create(type, undefined, object);
  }

  #serveCustomResource(
    before: CustomResourceDefinition | undefined,
    after: CustomResourceDefinition | undefined,
  ): void {
    if (after !== undefined) this.slots.put(customResourceType(after), this.#ledger.revision);
    else if (before !== undefined) this.slots.remove(before.spec.group, before.spec.names.plural);
  }
}
