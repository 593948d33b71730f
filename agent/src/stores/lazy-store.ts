import type { KvEntry, KvReader, KvStore, WatchBatch, WatchOptions } from '@clustermesh/kvstore';
import type { Clock } from '@clustermesh/runtime';

export interface LazyStoreOptions {
  readonly open: () => Promise<KvStore>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** A failed attempt stands for all that ask within this time. */
const attemptMs = 1_000;

/** A store that is opened when it is first needed: the agent serves what it has before the store is there. */
export class LazyStore implements KvReader, AsyncDisposable {
  readonly #options: LazyStoreOptions;
  #opening: { readonly store: Promise<KvStore>; readonly sinceMs: number; failed: boolean } | undefined;

  constructor(options: LazyStoreOptions) {
    this.#options = options;
  }

  async get(key: string, signal: AbortSignal): Promise<KvEntry | undefined> {
    return (await this.#store()).get(key, signal);
  }

  async *watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    yield* (await this.#store()).watch(prefix, options, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const store = await this.#opening?.store.catch(() => undefined);
    await store?.[Symbol.asyncDispose]();
  }

  #store(): Promise<KvStore> {
    const nowMs = this.#options.clock.monotonicMs();
    const isOver = this.#opening?.failed === true && nowMs - this.#opening.sinceMs >= attemptMs;
    if (this.#opening !== undefined && !isOver) return this.#opening.store;
    const opening = { store: this.#options.open(), sinceMs: nowMs, failed: false };
    opening.store.catch(() => {
      opening.failed = true;
    });
    this.#opening = opening;
    return opening.store;
  }
}
