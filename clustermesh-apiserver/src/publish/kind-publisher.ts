import { SyncStore } from '@clustermesh/kvstore';
import type { KvOp, KvStore, WritePace } from '@clustermesh/kvstore';
import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { canaryKey, rfc3339 } from '@clustermesh/wire';
import type { Kind, KindName } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';
import type { KindState, WriteMetrics } from '../metrics.ts';
import { ObservedWriter } from './observed-writer.ts';

export interface PublishDeps {
  readonly kv: KvStore;
  readonly cluster: LocalCluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
  readonly metrics: WriteMetrics;
  /** Of `kv`, where it writes no faster than it is told. */
  readonly pace?: Pick<WritePace, 'batches'> | undefined;
}

/** Where a source puts the entries of one kind. */
export interface KindSink<T> {
  upsert(name: string, value: T): void;
  delete(name: string): void;
  /** Everything that there was at the start has been put. May be called again. */
  synced(): void;
}

/** Of entries that take something over from each other. */
export interface OrderedSink<T> extends KindSink<T> {
  /** What was put or deleted last under this name is written behind all that waits, whatever waited of it before. */
  writeLast(name: string): void;
}

export interface KindListener {
  /** The store has the entry as it is now. May be called again. */
  written?(name: string): void;
  /** The store has acknowledged the canary, for the first time. */
  announced?(): void;
}

/** Publishes one kind under this cluster's prefix, and its canary once everything is there. */
export class KindPublisher<T> implements OrderedSink<T> {
  readonly #kind: Kind<T>;
  readonly #deps: PublishDeps;
  readonly #store: SyncStore;
  readonly #prefix: string;
  readonly #canaryKey: string;
  readonly #listener: KindListener;
  readonly #rejected = new Map<string, string>();
  #isAdopted = false;
  #isComplete = false;
  #isSynced = false;
  /** Of this process; an earlier one's, put again, announces nothing of ours. */
  #canary: Uint8Array | undefined;

  constructor(kind: Kind<T>, deps: PublishDeps, listener: KindListener = {}) {
    this.#kind = kind;
    this.#deps = deps;
    this.#listener = listener;
    this.#prefix = kind.statePrefix(deps.cluster.name);
    this.#canaryKey = canaryKey(deps.cluster.name, kind.stateCanary);
    const { kv, clock, random, health } = deps;
    const log = deps.log.child({ kind: kind.name });
    const observer = {
      committed: (ops: readonly KvOp[], durationMs: number) => this.#committed(ops, durationMs),
      failed: (ops: readonly KvOp[], durationMs: number) => deps.metrics.failed(kind.stateCanary, ops, durationMs),
    };
    const writer = new ObservedWriter(kv, observer, clock);
    this.#store = new SyncStore({
      ...{ writer, clock, random, log, health: health.scope(`publish/${kind.name}`) },
      // Slices of one service take endpoints over from each other.
      ...(deps.pace && { batch: deps.pace.batches(kind.name !== 'endpointslices') }),
    });
  }

  get name(): KindName {
    return this.#kind.name;
  }

  /** Its canary has been written. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  get state(): KindState {
    const { size: entries, pending } = this.#store;
    return { name: this.name, scope: this.#kind.stateCanary, entries, pending, isSynced: this.#isSynced };
  }

  /** A value that readers would refuse is not published; what was there under its name goes. Returns if it is. */
  upsert(name: string, value: T): boolean {
    const { cluster } = this.#deps;
    const context = {
      cluster: cluster.name,
      clusterId: cluster.id,
      maxConnectedClusters: cluster.maxConnectedClusters,
    };
    const reason = this.#kind.validate(context, name, value);
    if (reason === undefined) {
      this.#rejected.delete(name);
      const key = this.#prefix + name;
      this.#store.upsert(key, this.#kind.codec.encode(value));
      // An earlier process's, taken over before it was asked for: no commit will tell of it.
      if (this.#store.isWritten(key)) this.#listener.written?.(name);
    } else {
      this.#reject(name, reason);
    }
    return reason === undefined;
  }

  delete(name: string): void {
    this.#rejected.delete(name);
    this.#store.delete(this.#prefix + name);
  }

  writeLast(name: string): void {
    this.#store.writeLast(this.#prefix + name);
  }

  synced(): void {
    this.#isComplete = true;
    this.#announce();
  }

  /** First looks what an earlier process left behind: what is not put again until `synced` is deleted (I3). */
  async run(signal: AbortSignal): Promise<void> {
    const { kv, clock, random, health, log } = this.#deps;
    const backoff = new Backoff({ baseMs: 200, capMs: 10_000, random });
    await retryLoop(
      (inner) => this.#store.adopt(kv, this.#prefix, this.#canaryKey, inner),
      { name: `adopt/${this.name}`, backoff, clock, health, log },
      signal,
    );
    this.#isAdopted = true;
    this.#announce();
    await this.#store.run(signal);
  }

  #announce(): void {
    if (!this.#isAdopted || !this.#isComplete) return;
    this.#canary ??= new TextEncoder().encode(rfc3339(this.#deps.clock.now()));
    this.#store.synced(this.#canaryKey, this.#canary);
  }

  #reject(name: string, reason: string): void {
    this.#store.delete(this.#prefix + name);
    if (this.#rejected.get(name) === reason) return;
    this.#rejected.set(name, reason);
    this.#deps.log.warn({ kind: this.name, name, reason }, 'entry not published');
  }

  #committed(ops: readonly KvOp[], durationMs: number): void {
    this.#deps.metrics.committed(this.#kind.stateCanary, ops, durationMs);
    for (const op of ops) {
      if (op.kind !== 'put') continue;
      if (op.key === this.#canaryKey) this.#canaryWritten(op.value);
      else this.#listener.written?.(op.key.slice(this.#prefix.length));
    }
  }

  #canaryWritten(canary: Uint8Array): void {
    if (this.#isSynced || canary !== this.#canary) return;
    this.#isSynced = true;
    this.#deps.log.info({ kind: this.name, entries: this.#store.size }, 'initial synchronisation completed');
    this.#listener.announced?.();
  }
}
