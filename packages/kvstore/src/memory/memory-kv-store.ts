import { MeshError, isAborted } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type {
  CommitResult,
  KvEntry,
  KvEvent,
  KvOp,
  KvStore,
  RefusedOp,
  ResumePoint,
  WatchBatch,
  WatchOptions,
} from '../kv-store.ts';
import { planTransactions } from '../transactions.ts';
import type { MemoryKvServer } from './memory-kv-server.ts';

export interface MemoryKvStoreOptions {
  readonly clock: Clock;
  readonly leaseTtlSeconds?: number;
  /** Keys of one batch of a listing. */
  readonly pageSize?: number;
}

/** A client of a MemoryKvServer: behaves as a client of etcd would, without a network. For tests and simulation. */
export class MemoryKvStore implements KvStore {
  readonly description = 'memory';
  readonly #server: MemoryKvServer;
  readonly #options: Required<MemoryKvStoreOptions>;
  readonly #listeners = new Set<(keys: readonly string[]) => void>();
  readonly #closing = new AbortController();
  readonly #leasedKeys = new Set<string>();
  #storeId: bigint;
  /** 0: none yet. */
  #lease = 0;

  constructor(server: MemoryKvServer, options: MemoryKvStoreOptions) {
    this.#server = server;
    this.#options = { leaseTtlSeconds: 900, pageSize: 256, ...options };
    this.#storeId = server.storeId;
  }

  async get(key: string): Promise<KvEntry | undefined> {
    this.#contact(`get ${key}`);
    return this.#server.get(key);
  }

  async *watch(prefix: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const server = this.#server;
    const attempted = `watch ${prefix}`;
    this.#contact(attempted);
    const { cuts } = server;
    let point = this.#mayResume(options) ? options.resume : undefined;
    if (point !== undefined) yield { phase: 'live', events: [], point };
    while (!signal.aborted) {
      if (server.cuts !== cuts) throw lost(attempted);
      const since = point === undefined ? undefined : server.eventsAfter(point.revision);
      if (point === undefined || since === undefined) {
        point = this.#now(options.witnesses ?? []);
        yield* pages(server.list(prefix), this.#options.pageSize, point);
      } else {
        const events = since.flat().filter(({ key }) => key.startsWith(prefix));
        point = { ...point, revision: server.revision };
        if (events.length > 0) yield { phase: 'live', events, point };
      }
      const { revision } = point;
      await server.changed.until(() => server.revision !== revision || server.cuts !== cuts, signal);
    }
  }

  async commit(ops: readonly KvOp[]): Promise<CommitResult> {
    const refused: RefusedOp[] = [];
    let revision = 0n;
    for (const batch of planTransactions(ops).flat()) {
      this.#contact('commit');
      if (this.#server.isFull && batch.some(({ kind }) => kind === 'put')) {
        throw new MeshError('KV_NO_SPACE', 'commit', { retryable: true });
      }
      const fits = batch.filter((op) => !this.#isTooLarge(op));
      for (const op of batch) if (!fits.includes(op)) refused.push({ op, error: tooLarge(op) });
      revision = this.#server.apply(fits, this.#leaseFor(fits));
    }
    return { revision, refused };
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }

  #contact(attempted: string): void {
    if (!this.#server.isUp || this.#closing.signal.aborted) throw lost(attempted);
    const { storeId } = this.#server;
    if (storeId === this.#storeId) return;
    const message = `store ID has changed: expected ${this.#storeId}, got ${storeId}`;
    this.#storeId = storeId;
    this.#loseLease();
    throw new MeshError('KV_STORE_CHANGED', message, { retryable: true });
  }

  #mayResume({ resume, witnesses = [] }: WatchOptions): boolean {
    if (resume?.storeId !== this.#server.storeId) return false;
    if (this.#server.eventsAfter(resume.revision) === undefined) return false;
    return witnesses.every((key) => this.#server.fingerprint(key) === resume.witnesses.get(key));
  }

  #now(witnesses: readonly string[]): ResumePoint {
    const { storeId, revision } = this.#server;
    return { storeId, revision, witnesses: new Map(witnesses.map((key) => [key, this.#server.fingerprint(key)])) };
  }

  #isTooLarge(op: KvOp): boolean {
    return op.kind === 'put' && op.value.length > this.#server.maxValueBytes;
  }

  #leaseFor(ops: readonly KvOp[]): number {
    if (this.#lease !== 0 && !this.#server.hasLease(this.#lease)) this.#loseLease();
    if (this.#lease === 0) {
      this.#lease = this.#server.grantLease(this.#options.leaseTtlSeconds * 1_000);
      void this.#keepAlive(this.#lease);
    }
    for (const op of ops) {
      if (op.kind === 'put') this.#leasedKeys.add(op.key);
      else if (op.kind === 'delete') this.#leasedKeys.delete(op.key);
    }
    return this.#lease;
  }

  async #keepAlive(lease: number): Promise<void> {
    const { signal } = this.#closing;
    while (this.#lease === lease && !signal.aborted) {
      await this.#options.clock.sleep((this.#options.leaseTtlSeconds * 1_000) / 3, signal);
      const mayRenew = this.#lease === lease && this.#server.isUp && !isAborted(signal);
      if (mayRenew && !this.#server.renewLease(lease)) this.#loseLease();
    }
  }

  #loseLease(): void {
    const keys = [...this.#leasedKeys];
    this.#leasedKeys.clear();
    this.#lease = 0;
    if (keys.length > 0) for (const tell of this.#listeners) tell(keys);
  }
}

function* pages(entries: readonly KvEntry[], size: number, point: ResumePoint): Generator<WatchBatch> {
  const events = entries.map(({ key, value, modRevision }): KvEvent => ({ kind: 'put', key, value, modRevision }));
  let at = 0;
  for (; at + size < events.length; at += size) yield { phase: 'list', events: events.slice(at, at + size), point };
  yield { phase: 'list-done', events: events.slice(at), point };
}

function lost(attempted: string): MeshError {
  return new MeshError('KV_UNAVAILABLE', `${attempted}: contact lost`, { retryable: true });
}

function tooLarge(op: KvOp): MeshError {
  return new MeshError('KV_TOO_LARGE', `write ${op.kind === 'put' ? op.key : 'a batch'}: value too large`);
}
