import { ok } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger, Random } from '@clustermesh/runtime';

import type { KvReader, KvWriter, WatchBatch, WatchOptions } from './kv-store.ts';
import { SyncStore } from './sync-store.ts';
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
}

/** The watch pauses above this many unwritten keys: a slow target holds the source back, not values in memory. */
const maxPending = 16_384;

/** Mirrors a prefix of one store under a prefix of another, bytes untouched and undecoded. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #sync: SyncStore;
  readonly #watch: WatchStore<Uint8Array>;
  #restart = new AbortController();
  #signal = AbortSignal.abort();

  constructor(options: ReflectorOptions, deps: ReflectorDeps) {
    this.#options = options;
    this.#sync = new SyncStore({ ...deps, reload: (keys) => this.#reload(keys) });
    this.#watch = new WatchStore((_key, bytes) => ok(bytes), {
      upserted: (key, value) => this.#sync.upsert(key, value),
      deleted: (key) => this.#sync.delete(key),
      rejected: () => undefined,
      synced: () => this.#synced(),
      batchDone: () => this.#sync.settled(this.#signal, maxPending),
    });
  }

  /** Keys mirrored. */
  get size(): number {
    return this.#watch.size;
  }

  /** Connected, and the source's list is complete (not necessarily written). */
  get isSynced(): boolean {
    return this.#watch.isSynced;
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
    const renamed = renamedReader(source, sourcePrefix, this.#options.targetPrefix);
    while (!signal.aborted) {
      this.#restart = new AbortController();
      this.#signal = AbortSignal.any([signal, this.#restart.signal]);
      await this.#watch.run(renamed, sourcePrefix, options, this.#signal);
    }
  }

  /** Writes to the target until abort. Outlives the source's connections. */
  write(signal: AbortSignal): Promise<void> {
    return this.#sync.run(signal);
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

  #synced(): void {
    const { canary } = this.#options;
    if (canary === undefined) this.#sync.prune();
    else this.#sync.synced(canary.key, canary.value());
  }

  /** Values are not kept here: the source has them. */
  #reload(keys: readonly string[]): void {
    this.#watch.forget(keys);
    this.#restart.abort();
  }
}

/** A view of `kv` under other key names, so that a source may move to another prefix and keep its copies. */
function renamedReader(kv: Pick<KvReader, 'watch'>, from: string, to: string): Pick<KvReader, 'watch'> {
  return {
    async *watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
      for await (const batch of kv.watch(prefix, options, signal)) {
        const events = batch.events.map((event) => ({ ...event, key: to + event.key.slice(from.length) }));
        yield { ...batch, events };
      }
    },
  };
}
