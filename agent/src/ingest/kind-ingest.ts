import { Backoff, isAborted, refuse, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random, Result } from '@clustermesh/runtime';
import { WatchStore } from '@clustermesh/kvstore';
import type { KvReader } from '@clustermesh/kvstore';
import type { ClusterName, KindName } from '@clustermesh/wire';

import { byKeyName } from './key-names.ts';
import type { ListingTurns } from './listing-turns.ts';
import { NoRoom } from './no-room.ts';
import type { Pacer } from './pacer.ts';
import type { Rejections } from './rejections.ts';
import type { Sink } from './sinks.ts';
import { inSmallBatches } from './small-batches.ts';

export interface IngestDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  readonly pacer: Pacer;
  readonly listings: ListingTurns;
}

export interface KindSource<T> {
  readonly kind: KindName;
  readonly cluster: ClusterName;
  /** What may be believed of an entry (I6). `limit`: of its bytes when decompressed. */
  readonly read: (keyName: string, bytes: Uint8Array, limit: number) => Result<T>;
  /** Is a delete that comes now a deletion, or may it be an expired lease? */
  readonly believesDeletes: () => boolean;
  readonly sink: Sink<T>;
  readonly rejections: Rejections;
  /** Further entries are rejected: what a cluster floods us with must leave room for the others (I1). */
  readonly limit: number;
  /** Once per run, when everything listed has been told. */
  readonly onSynced: () => void;
}

/** Where a kind is read now. */
export interface EntriesAt {
  readonly kv: KvReader;
  /** Ends in `/`. */
  readonly prefix: string;
  /** Entries count only while it is there: a store that lacks it is being filled (I3). `undefined`: at once. */
  readonly canaryKey: string | undefined;
  /** Keys whose re-creation means another history (docs/spec/watch-store.md). */
  readonly witnesses: readonly string[];
}

/** What a feed knows of its kinds, whatever their values. */
export interface IngestedKind {
  readonly name: KindName;
  readonly healthName: string;
  /** Resolves after the first complete listing. */
  readonly firstSync: Promise<unknown>;
  /** A complete listing has been seen since the start; contact may be lost since. */
  readonly hasSynced: boolean;
  /** Listed and following now. */
  readonly isLive: boolean;
  /** Rows in force, those of withheld deletes included. */
  readonly entries: number;
  /** Deletes that are not believed. */
  readonly withheld: number;
  /** Keys whose newest value is not believed. */
  readonly rejected: number;
  /** Entries there is no room for; they are read again when there may be some. */
  readonly noRoom: number;
  /** Until abort, over any number of connections. What is known stays, also where another store or prefix is read next. */
  run(at: EntriesAt, signal: AbortSignal): Promise<void>;
  /** Until abort, or until contact is lost (thrown). */
  follow(at: EntriesAt, signal: AbortSignal): Promise<void>;
  /** The cluster does not publish it any more: what is known stays until `absent`. Not while running. */
  rest(): void;
  /** The cluster does not publish it: what is known of it goes, and nothing more is waited for. Not while running. */
  absent(): void;
  /** The writer has spoken long enough to have put back what it still has: the rest is deleted. */
  applyWithheld(): void;
  /** Reads again what found no room, if there may be some now. Called every second or so. */
  retryNoRoom(): void;
  /** Takes every row away: the cluster was removed for good. Not while running. */
  drain(): void;
}

const backoffCapMs = 30_000;
/** Entries read without a pause. */
const listedAtOnce = { events: 256, bytes: 65_536 };
/** Of refused keys so many are remembered, so that each is told once; what goes beyond is told with every listing. */
const maxRejected = 10_000;
/** What etcd takes in one request, but for 1 KiB that key and message have: a service of some 9,000 backends. */
const largestPut = 1_571_840;
/**
 * Bytes of one value, compressed or not: the largest that can be meant. Reading a value holds the event loop, so it is
 * measured before it is looked into.
 */
const maxValueBytes: Readonly<Record<KindName, number>> = {
  nodes: 524_288, // Kubernetes allows annotations of 256 KiB
  identities: 65_536,
  ip: 16_384,
  services: largestPut,
  serviceexports: 65_536,
  endpointslices: 1_048_576,
};

/** One kind of one cluster: from its prefix into the tables, over any number of connections. */
export class KindIngest<T> implements IngestedKind {
  readonly name: KindName;
  readonly #source: KindSource<T>;
  readonly #deps: IngestDeps;
  readonly #store: WatchStore<T>;
  /** Deleted in a silence of the writer: still shown, until it speaks again or the key comes back. */
  readonly #withheld = new Set<string>();
  readonly #noRoom: NoRoom;
  readonly #firstSync = Promise.withResolvers();
  #prefix = '';
  #isAbsent = false;
  #round = new AbortController();
  #isRetrying = false;
  #hasSynced = false;
  #progressed: () => void = () => undefined;

  constructor(source: KindSource<T>, deps: IngestDeps) {
    this.name = source.kind;
    this.#source = source;
    this.#deps = deps;
    this.#noRoom = new NoRoom(deps.clock, source.limit);
    const observer = {
      upserted: (name: string, value: T) => this.#upserted(name, value),
      deleted: (name: string) => this.#deleted(name),
      rejected: (name: string, reason: string) => source.rejections.reject(this.#prefix + name, reason),
      synced: () => this.#synced(),
      batchDone: () => deps.pacer.pause(),
    };
    this.#store = new WatchStore<T>((name, bytes) => this.#read(name, bytes), observer, { maxRejected });
  }

  get firstSync(): Promise<unknown> {
    return this.#firstSync.promise;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get isLive(): boolean {
    return this.#store.isSynced || this.#isRetrying || this.#isAbsent;
  }

  get entries(): number {
    return this.#store.size + this.#withheld.size;
  }

  get withheld(): number {
    return this.#withheld.size;
  }

  get rejected(): number {
    return this.#store.rejectedCount;
  }

  get noRoom(): number {
    return this.#noRoom.count(this.#store.rejectedCount);
  }

  async run(at: EntriesAt, signal: AbortSignal): Promise<void> {
    const { clock, random, log, health } = this.#deps;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
    await retryLoop(
      (inner, progressed) => {
        this.#progressed = progressed;
        return this.follow(at, inner);
      },
      { name: this.healthName, backoff, clock, health, log },
      signal,
    );
  }

  get healthName(): string {
    return `cluster/${this.#source.cluster}/${this.name}`;
  }

  retryNoRoom(): void {
    const hasRoom = this.#source.sink.hasRoom?.() ?? true;
    if (!this.#store.isSynced || !this.#noRoom.isDue(this.#store.size, hasRoom)) return;
    this.#isRetrying = true;
    this.#store.forget(this.#noRoom.takeKeys());
    this.#store.reconsider();
    this.#round.abort();
  }

  rest(): void {
    this.#isAbsent = true;
  }

  absent(): void {
    this.drain();
    this.rest();
    this.#synced();
  }

  applyWithheld(): void {
    for (const name of this.#withheld) this.#source.sink.deleted(name);
    this.#withheld.clear();
  }

  drain(): void {
    this.#store.drain();
    this.#noRoom.clear();
    this.applyWithheld();
  }

  async follow({ kv, prefix, canaryKey, witnesses }: EntriesAt, signal: AbortSignal): Promise<void> {
    this.#prefix = prefix;
    this.#isAbsent = false;
    if (canaryKey !== undefined) {
      this.#deps.health.scope(this.healthName).degraded(`waiting for ${canaryKey}`);
      await waitForKey(kv, canaryKey, signal);
      this.#deps.log.debug({ cluster: this.#source.cluster, kind: this.name }, 'canary seen');
    }
    const inTurn = this.#deps.listings.inTurn(kv, this.name !== 'ip');
    const entries = byKeyName(inSmallBatches(inTurn, listedAtOnce));
    while (!isAborted(signal)) {
      this.#round = new AbortController();
      try {
        await this.#store.run(entries, prefix, { witnesses }, AbortSignal.any([signal, this.#round.signal]));
      } catch (error) {
        this.#isRetrying = false;
        throw error;
      }
    }
  }

  #read(name: string, bytes: Uint8Array): Result<T> {
    const { kind, read, limit, sink } = this.#source;
    const max = maxValueBytes[kind];
    if (bytes.length > max) return refuse(`value of ${bytes.length} bytes, more than ${max}`);
    if (this.#store.size >= limit && !this.#store.has(name)) {
      this.#noRoom.overLimit();
      return refuse(`more than ${limit} ${kind}`);
    }
    const value = read(name, bytes, max);
    const reason = value.ok ? sink.check?.(value.value) : undefined;
    return reason === undefined ? value : refuse(reason);
  }

  #upserted(name: string, value: T): void {
    this.#withheld.delete(name);
    const reason = this.#source.sink.upserted(name, value);
    if (reason === undefined) {
      this.#noRoom.placed(name);
      return;
    }
    this.#noRoom.add(name);
    this.#source.rejections.reject(this.#prefix + name, reason);
  }

  #deleted(name: string): void {
    this.#noRoom.placed(name);
    if (this.#source.believesDeletes()) this.#source.sink.deleted(name);
    else this.#withheld.add(name);
  }

  #synced(): void {
    this.#hasSynced = true;
    this.#isRetrying = false;
    this.#progressed();
    this.#deps.health.scope(this.healthName).ok();
    this.#firstSync.resolve(undefined);
    this.#source.onSynced();
  }
}

/** Until the key exists in the store that answers now, or abort. */
async function waitForKey(kv: Pick<KvReader, 'watch'>, key: string, signal: AbortSignal): Promise<void> {
  for await (const batch of kv.watch(key, {}, signal)) {
    if (batch.events.some((event) => event.kind === 'put' && event.key === key)) return;
  }
}
