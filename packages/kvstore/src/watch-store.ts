import type { Result } from '@clustermesh/runtime';

import type { KeyTable } from './key-table/key-table.ts';
import { KnownKeys } from './known-keys.ts';
import type { KvEvent, KvReader, ResumePoint, WatchBatch } from './kv-store.ts';

/** From bytes to a value; refusing is expected and never ends a watch (I6). */
export type Decode<T> = (key: string, bytes: Uint8Array) => Result<T>;

export interface WatchObserver<T> {
  upserted(key: string, value: T): void;
  deleted(key: string): void;
  /** Once per key and value. The value known before stays in force. */
  rejected(key: string, reason: string): void;
  /** Once per run: all that the store held at its start is known, and what it no longer held is deleted. */
  synced(): void;
  /** After each batch; the next one waits for it (back-pressure). */
  batchDone?(): void | Promise<void>;
}

export interface WatchStoreSettings {
  /** How many refused values are remembered. Beyond, a value may be told again with the next listing. */
  readonly maxRejected?: number;
  /** Where keys are stored, if others know them too. */
  readonly keys?: KeyTable;
}

/** Some 20 MB. */
const defaultMaxRejected = 131_072;

export interface WatchStoreOptions {
  readonly witnesses?: readonly string[];
  /** Under which name an entry is known and told, so that a source may move; undefined passes the entry over. */
  readonly rename?: (key: string) => string | undefined;
}

const asItIs = (key: string): string => key;

/**
 * Follows one prefix over any number of connections (docs/spec/watch-store.md). May run again after a failure: goes
 * on where it was when the store's history is the same, else deletes what the new list no longer has (I3). A value
 * is told once, however often it is listed. Keeps keys and 64-bit hashes, not values.
 */
export class WatchStore<T> {
  readonly #decode: Decode<T>;
  readonly #observer: WatchObserver<T>;
  readonly #known: KnownKeys;
  /** Values that did not decode, so that each is told once. */
  readonly #rejected = new KnownKeys();
  readonly #maxRejected: number;
  /** Refused beyond what is remembered, since the last listing began. */
  #unremembered = 0;
  readonly #forgotten = new Set<string>();
  #listAnew = false;
  #resume: { readonly prefix: string; readonly point: ResumePoint } | undefined;
  #phase: 'stopped' | 'starting' | 'listing' | 'live' = 'stopped';

  constructor(decode: Decode<T>, observer: WatchObserver<T>, settings: WatchStoreSettings = {}) {
    this.#decode = decode;
    this.#observer = observer;
    this.#known = new KnownKeys(settings.keys);
    this.#maxRejected = settings.maxRejected ?? defaultMaxRejected;
  }

  get isSynced(): boolean {
    return this.#phase === 'live';
  }

  get size(): number {
    return this.#known.size;
  }

  /** Keys whose newest value is refused; beyond what is remembered, one that changes counts again. */
  get rejectedCount(): number {
    return this.#rejected.size + this.#unremembered;
  }

  keys(): Iterable<string> {
    return this.#known.keys();
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** Until abort (a normal return) or a failure (thrown). Known keys and the resume point outlive both. */
  async run(
    kv: Pick<KvReader, 'watch'>,
    prefix: string,
    options: WatchStoreOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const mayResume = this.#resume?.prefix === prefix && this.#forgotten.size === 0 && !this.#listAnew;
    const resume = mayResume ? this.#resume?.point : undefined;
    this.#phase = 'starting';
    try {
      let synced = false;
      for await (const batch of kv.watch(prefix, { resume, witnesses: options.witnesses ?? [] }, signal)) {
        this.#apply(batch, prefix, options.rename ?? asItIs);
        if (this.isSynced && !synced) {
          synced = true;
          this.#observer.synced();
        }
        await this.#observer.batchDone?.();
      }
    } finally {
      this.#phase = 'stopped';
    }
  }

  /** Deletes everything, as when the source is removed for good. Not while running. */
  drain(): void {
    for (const key of this.#known.keys()) this.#delete(key);
    this.#rejected.clear();
    this.#unremembered = 0;
    this.#resume = undefined;
  }

  /** The next run lists anew and looks at every refused value as if it were new. */
  reconsider(): void {
    this.#rejected.clear();
    this.#listAnew = true;
  }

  /** The next run lists anew and tells these keys even if their values have not changed. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) if (this.#known.has(key)) this.#forgotten.add(key);
  }

  #apply(batch: WatchBatch, prefix: string, rename: (key: string) => string | undefined): void {
    if (batch.phase !== 'live' && this.#phase !== 'listing') this.#startListing();
    for (const event of batch.events) {
      const key = rename(event.key);
      if (key !== undefined) this.#event(event, key);
    }
    if (batch.phase === 'list') return;
    if (this.#phase === 'listing') this.#finishListing();
    this.#phase = 'live';
    this.#resume = { prefix, point: batch.point };
  }

  #startListing(): void {
    this.#phase = 'listing';
    this.#known.startListing();
    this.#rejected.startListing();
    this.#unremembered = 0;
    this.#listAnew = false;
    // A half-applied listing is no point of history: the old one must not be resumed from.
    this.#resume = undefined;
  }

  #finishListing(): void {
    for (const key of this.#known.unlisted()) this.#delete(key);
    for (const key of this.#rejected.unlisted()) this.#rejected.delete(key);
    this.#forgotten.clear();
  }

  #event(event: KvEvent, key: string): void {
    if (event.kind === 'delete') this.#delete(key);
    else this.#upsert(key, event.value);
  }

  #upsert(key: string, bytes: Uint8Array): void {
    this.#known.touch(key);
    this.#rejected.touch(key);
    if (this.#rejected.matches(key, bytes)) return;
    if (this.#known.matches(key, bytes) && !this.#forgotten.has(key)) {
      this.#rejected.delete(key);
      return;
    }
    const decoded = this.#decode(key, bytes);
    if (decoded.ok) this.#accept(key, bytes, decoded.value);
    else this.#reject(key, bytes, decoded.reason);
  }

  #accept(key: string, bytes: Uint8Array, value: T): void {
    this.#known.put(key, bytes);
    this.#rejected.delete(key);
    this.#forgotten.delete(key);
    try {
      this.#observer.upserted(key, value);
    } catch (error) {
      // That ends the run; the next one tells it again.
      this.#forgotten.add(key);
      throw error;
    }
  }

  /** The key is there, only its new value is no good: what it said before stays in force. */
  #reject(key: string, bytes: Uint8Array, reason: string): void {
    if (this.#rejected.size < this.#maxRejected || this.#rejected.has(key)) this.#rejected.put(key, bytes);
    else this.#unremembered++;
    this.#observer.rejected(key, reason);
  }

  #delete(key: string): void {
    const wasRejected = this.#rejected.delete(key);
    if (this.#known.has(key)) {
      // Told first: where the observer fails, the key stays known, and is deleted by the next run (I3).
      this.#observer.deleted(key);
      this.#known.delete(key);
      this.#forgotten.delete(key);
    } else if (!wasRejected && this.#unremembered > 0) this.#unremembered--;
  }
}
