import { ScopedAbort, ok, refuse } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger, Random, Result } from '@clustermesh/runtime';

import { openAdmission } from './admission.ts';
import type { Admission } from './admission.ts';
import { KeyTable } from './key-table/key-table.ts';
import type { KvReader, KvWriter } from './kv-store.ts';
import { SyncStore, maxPending } from './sync-store.ts';
import type { PendingLimits, SyncStoreDeps } from './sync-store.ts';
import { WatchStore } from './watch-store.ts';
import type { WatchStoreOptions } from './watch-store.ts';

export interface ReflectorOptions {
  /** Where the copies live; a key keeps what follows the source's prefix. */
  readonly targetPrefix: string;
  /** Put when the source's list is complete and written. Without it, nothing is announced. */
  readonly canary?: { readonly key: string; readonly value: () => Uint8Array };
}

export interface ReflectorDeps {
  readonly writer: KvWriter;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: Random;
  readonly log: Logger;
  readonly health?: HealthScope;
  /** Without it everything is copied. */
  readonly admission?: Admission;
  readonly batch?: NonNullable<SyncStoreDeps['batch']>;
  /** How much may wait to be written now; by default as much as one that is alone may have. */
  readonly pendingLimits?: (() => PendingLimits) | undefined;
}

/** Some 2 MB a prefix: a source may have any number of entries that are not wanted. */
const maxRejected = 8_192;
/** No entry of Kubernetes has a longer name: two of 253, and what stands around them. */
const maxKeyBytes = 1_024;
/** Stands for the value of a change that is refused. */
const keepOld = Symbol('keep old');
/** Of those that do not run. */
const stopped = new ScopedAbort(AbortSignal.abort());

/** Mirrors a prefix of one store under a prefix of another, bytes untouched and undecoded. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #sync: SyncStore;
  readonly #watch: WatchStore<Uint8Array | typeof keepOld>;
  readonly #admission: Admission;
  /** Keys whose newest value is refused, and whose old one is kept. */
  readonly #outdated = new Set<string>();
  /** Aborted to begin with the source anew. */
  #round = stopped;

  constructor(options: ReflectorOptions, deps: ReflectorDeps) {
    this.#options = options;
    this.#admission = deps.admission ?? openAdmission;
    // Source and target have the same keys, by and large.
    const keys = new KeyTable();
    this.#sync = new SyncStore({
      ...deps,
      keys,
      reload: (keys) => this.#reload(keys),
      onUsage: (keys, bytes) => this.#admission.used(keys, bytes),
    });
    const observer = {
      upserted: (key: string, value: Uint8Array | typeof keepOld) => this.#upserted(key, value),
      deleted: (key: string) => this.#deleted(key),
      rejected: () => undefined,
      synced: () => this.#synced(),
      batchDone: () => this.#sync.settled(this.#round.signal, deps.pendingLimits ?? (() => maxPending)),
    };
    this.#watch = new WatchStore((key, bytes) => this.#admit(key, bytes), observer, { maxRejected, keys });
  }

  /** Keys mirrored. */
  get size(): number {
    return this.#watch.size;
  }

  /** Connected, and the source's list is complete (not necessarily written). */
  get isSynced(): boolean {
    return this.#watch.isSynced;
  }

  /** Entries of the source that are not copied, or not in their newest value, because they were not admitted. */
  get notAdmitted(): number {
    return this.#watch.rejectedCount + this.#outdated.size;
  }

  /** Keys not yet written. */
  get pending(): number {
    return this.#sync.pending;
  }

  /** Keys that the target will not take, and why. */
  get refused(): ReadonlyMap<string, string> {
    return this.#sync.refused;
  }

  /** Takes over the copies of an earlier process, so that what the source has deleted since is deleted here (I3). */
  adopt(target: Pick<KvReader, 'get' | 'watch'>, signal: AbortSignal): Promise<void> {
    return this.#sync.adopt(target, this.#options.targetPrefix, this.#options.canary?.key, signal);
  }

  /**
   * Follows the source until abort or failure; may run again, also on another store or prefix with the same
   * content. Needs somebody in `write`.
   */
  async run(
    source: Pick<KvReader, 'watch'>,
    sourcePrefix: string,
    options: WatchStoreOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const rename = (key: string): string | undefined => this.#renamed(key, sourcePrefix);
    while (!signal.aborted) {
      using round = new ScopedAbort(signal);
      this.#round = round;
      await this.#watch.run(source, sourcePrefix, { ...options, rename }, round.signal);
    }
  }

  /** Writes to the target until abort. Outlives the source's connections. */
  write(signal: AbortSignal): Promise<void> {
    return this.#sync.run(signal);
  }

  /** What was not admitted may be now: asks the source for it again. */
  readmit(): void {
    if (this.notAdmitted === 0) return;
    this.#watch.forget(this.#outdated);
    this.#watch.reconsider();
    this.#round.abort();
  }

  /** Deletes all copies and the canary. Not while in `run`; `settled` tells when it is done. */
  drain(): void {
    this.#watch.drain();
    this.#sync.drain(this.#options.canary?.key);
  }

  /** Resolves when nothing is left to write, or on abort. */
  settled(signal: AbortSignal): Promise<void> {
    return this.#sync.settled(signal);
  }

  /**
   * The copy's key, so that a source may move to another prefix and its copies stay. A server that is not what it seems may
   * tell of any key: what lies outside the prefix would land on another entry's place.
   */
  #renamed(key: string, from: string): string | undefined {
    if (key.startsWith(from) && key.length > from.length && key.length <= maxKeyBytes) {
      return this.#options.targetPrefix + key.slice(from.length);
    }
    this.#admission.malformed(key);
    return undefined;
  }

  #admit(key: string, value: Uint8Array): Result<Uint8Array | typeof keepOld> {
    const held = this.#sync.sizeOf(key);
    const reason = this.#admission.refuse(key, value.length, held);
    if (reason === undefined) return ok(value);
    return held === undefined ? refuse(reason) : ok(keepOld);
  }

  #upserted(key: string, value: Uint8Array | typeof keepOld): void {
    if (value === keepOld) {
      this.#outdated.add(key);
      this.#sync.keep(key);
    } else {
      this.#outdated.delete(key);
      this.#sync.upsert(key, value);
    }
  }

  #deleted(key: string): void {
    this.#outdated.delete(key);
    this.#sync.delete(key);
  }

  #synced(): void {
    const { canary } = this.#options;
    if (canary === undefined) this.#sync.prune();
    else this.#sync.synced(canary.key, canary.value());
  }

  /** Values are not kept here: the source has them. */
  #reload(keys: readonly string[]): void {
    this.#admission.lost(
      keys.length,
      keys.reduce((sum, key) => sum + key.length + (this.#sync.sizeOf(key) ?? 0), 0),
    );
    this.#watch.forget(keys);
    this.#round.abort();
  }
}
