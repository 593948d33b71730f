import type { KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import type { IdentityRange, LabelArray, NumericIdentity } from '@clustermesh/wire';

import { WorkQueue } from '../work-queue.ts';
import { candidates } from './candidates.ts';
import { IdentityIndex } from './identity-index.ts';
import { labelText } from './label-set.ts';
import { MeshIdentityClient } from './mesh-identity-client.ts';
import { markedUnused, newMeshIdentity, unusedSince } from './mesh-identity.ts';
import type { Identity, MeshIdentity } from './mesh-identity.ts';

export interface AllocatorDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

export interface AllocatorObserver {
  /** The number of this label set is known now, or changed, or none is left for it: ask `numberOf`. */
  settled(text: string): void;
  /** What `labelsOf(number)` says may have changed. */
  identityChanged(number: number): void;
}

interface Use {
  readonly labels: LabelArray;
  readonly users: Set<string>;
}

const concurrency = 8;

/**
 * Gives label sets their numbers, as objects of the Kubernetes API (ADR 60): several replicas agree, and a
 * restart with an empty etcd finds every number again. A number is used only after its object exists and carries no
 * mark of being unused; the API server's conflicts decide every race.
 */
export class IdentityAllocator {
  readonly #deps: AllocatorDeps;
  readonly #client: MeshIdentityClient;
  readonly #range: IdentityRange;
  readonly #observer: AllocatorObserver;
  readonly #index: IdentityIndex;
  readonly #queue: WorkQueue;
  readonly #usesByText = new Map<string, Use>();
  readonly #numbersByText = new Map<string, NumericIdentity>();
  readonly #textsByNumber = new Map<number, string>();
  #synced = false;

  constructor(range: IdentityRange, observer: AllocatorObserver, deps: AllocatorDeps) {
    this.#range = range;
    this.#observer = observer;
    this.#deps = deps;
    this.#client = new MeshIdentityClient(deps.kube);
    this.#index = new IdentityIndex(range);
    this.#queue = new WorkQueue((text, signal) => this.#settle(text, signal), {
      ...deps,
      name: 'identity-allocation',
      concurrency,
      restMs: 0,
    });
  }

  /** Registers a user (a pod) of a label set and returns the set's text, under which everything else goes. */
  use(labels: LabelArray, user: string): string {
    const text = labelText(labels);
    const use = this.#usesByText.get(text) ?? { labels, users: new Set() };
    this.#usesByText.set(text, use);
    use.users.add(user);
    if (this.numberOf(text) === undefined) this.#queue.add(text);
    return text;
  }

  release(text: string, user: string): void {
    const use = this.#usesByText.get(text);
    if (use === undefined) return;
    use.users.delete(user);
    if (use.users.size > 0) return;
    this.#usesByText.delete(text);
    this.#assign(text, undefined);
  }

  /** The number to publish for a label set in use, once it is safe to. */
  numberOf(text: string): NumericIdentity | undefined {
    return this.#numbersByText.get(text);
  }

  /** What to publish under a number: its object's labels, or those that we still use it for while it is created anew. */
  labelsOf(number: number): LabelArray | undefined {
    const text = this.#textsByNumber.get(number);
    return this.#index.at(number)?.labels ?? (text === undefined ? undefined : this.#usesByText.get(text)?.labels);
  }

  /** Identities that no pod here uses: of unused label sets, and the losers of a race. */
  *unused(): Generator<Identity> {
    for (const identity of this.#index.all()) {
      const isChosen = this.#index.identityOf(identity.text)?.number === identity.number;
      const isUsed = this.#textsByNumber.has(identity.number) || (isChosen && this.#usesByText.has(identity.text));
      if (!isUsed) yield identity;
    }
  }

  get size(): number {
    return [...this.#index.all()].length;
  }

  upserted(object: MeshIdentity): void {
    this.#changed(object.metadata.name, this.#index.upsert(object));
  }

  deleted(object: MeshIdentity): void {
    this.#changed(object.metadata.name, this.#index.delete(object));
  }

  synced(): void {
    this.#synced = true;
    for (const text of this.#usesByText.keys()) this.#queue.add(text);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  #changed(name: string, texts: readonly string[]): void {
    for (const text of texts) if (this.#synced && this.#usesByText.has(text)) this.#queue.add(text);
    if (texts.length > 0) this.#observer.identityChanged(Number(name));
  }

  /** Level-based: brings one label set to the number it should have now. */
  async #settle(text: string, signal: AbortSignal): Promise<void> {
    const use = this.#usesByText.get(text);
    if (use === undefined || !this.#synced) return;
    const identity = this.#index.identityOf(text);
    if (identity === undefined) {
      await this.#create(text, use.labels, signal);
      this.#queue.add(text);
    } else if (unusedSince(identity.object) !== undefined) {
      await this.#claim(identity, signal);
      this.#queue.add(text);
    } else if (this.#usesByText.has(text)) {
      this.#assign(text, identity.number);
      this.#observer.settled(text);
    }
  }

  #assign(text: string, number: NumericIdentity | undefined): void {
    const before = this.#numbersByText.get(text);
    if (before === number) return;
    this.#numbersByText.delete(text);
    if (before !== undefined && this.#textsByNumber.get(before) === text) this.#textsByNumber.delete(before);
    if (number !== undefined) {
      this.#numbersByText.set(text, number);
      this.#textsByNumber.set(number, text);
    }
    if (before !== undefined) this.#observer.identityChanged(before);
  }

  /** Looks for rivals after creating: whoever comes second sees both objects, and the lowest number is it. */
  async #create(text: string, labels: LabelArray, signal: AbortSignal): Promise<void> {
    const created = await this.#createAtFreeNumber(text, labels, signal);
    if (created === undefined) return;
    for (const object of await this.#client.list(text, signal)) this.upserted(object);
    const winner = this.#index.identityOf(text);
    const isOurs = winner?.object.metadata.name === created.metadata.name;
    if (!isOurs && (await this.#client.delete(created, signal))) this.deleted(created);
  }

  /** Undefined when the set turned out to have an object. */
  async #createAtFreeNumber(text: string, labels: LabelArray, signal: AbortSignal): Promise<MeshIdentity | undefined> {
    const createdAt = new Date(this.#deps.clock.now()).toISOString();
    for (const number of candidates(text, this.#range)) {
      if (this.#index.isTaken(number)) continue;
      const created = await this.#client.create(newMeshIdentity(number, labels, createdAt), signal);
      if (created !== undefined) {
        this.#deps.log.info({ identity: number, labels: text }, 'identity created');
        this.upserted(created);
        return created;
      }
      await this.#look(`${number}`, signal);
      if (this.#index.identityOf(text) !== undefined) return undefined;
    }
    this.#observer.settled(text);
    const { first, last } = this.#range;
    throw new MeshError('IDENTITY_EXHAUSTED', `allocate an identity: all numbers from ${first} to ${last} are taken`);
  }

  /** Takes the mark off, unless the object changed meanwhile: then what it is now counts. */
  async #claim(identity: Identity, signal: AbortSignal): Promise<void> {
    const claimed = await this.#client.replace(markedUnused(identity.object, undefined), signal);
    if (claimed === undefined) await this.#look(identity.object.metadata.name, signal);
    else this.upserted(claimed);
  }

  async #look(name: string, signal: AbortSignal): Promise<void> {
    const object = await this.#client.get(name, signal);
    if (object !== undefined) this.upserted(object);
    else this.#changed(name, this.#index.forget(name));
  }
}
