import type { KvEntry, KvReader, KvStore, WatchBatch, WatchOptions } from '@clustermesh/kvstore';
import { hasCode } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

export interface ReopeningCacheOptions {
  readonly open: () => Promise<KvStore>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** A failed attempt stands for all that ask within this time. */
const attemptMs = 1_000;

/**
 * The local store, opened when it is first needed: the agent serves what it has before the store is there. Opened
 * anew when its certificates are refused, for they may have been renewed meanwhile.
 */
export class ReopeningCache implements KvReader, AsyncDisposable {
  readonly #options: ReopeningCacheOptions;
  #opening: { readonly store: Promise<KvStore>; readonly sinceMs: number; failed: boolean } | undefined;

  constructor(options: ReopeningCacheOptions) {
    this.#options = options;
  }

  async get(key: string, signal: AbortSignal): Promise<KvEntry | undefined> {
    return this.#attempt((store) => store.get(key, signal));
  }

  async *watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const batches = await this.#attempt(async (store) => store.watch(prefix, options, signal));
    try {
      yield* batches;
    } catch (error) {
      await this.#giveUpRefused(error);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening?.failed === false) await (await opening.store.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  async #attempt<T>(use: (store: KvStore) => Promise<T>): Promise<T> {
    try {
      return await use(await this.#store());
    } catch (error) {
      await this.#giveUpRefused(error);
      throw error;
    }
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

  async #giveUpRefused(error: unknown): Promise<void> {
    const isRefused = hasCode(error, 'TLS_CERT_EXPIRED', 'TLS_CLIENT_REJECTED', 'TLS_UNTRUSTED', 'KV_UNAUTHENTICATED');
    if (isRefused && this.#opening?.failed === false) await this[Symbol.asyncDispose]();
  }
}
