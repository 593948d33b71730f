import { MeshError } from '@clustermesh/runtime';

import type { CommitResult, KvOp, RefusedOp } from '../kv-store.ts';
import { Semaphore } from '../semaphore.ts';
import { planTransactions } from '../transactions.ts';
import { scanPrefix } from './listing.ts';
import type { TransactionOp } from './packed-ops.ts';
import type { RedisLink } from './redis-link.ts';
import { transact } from './transact.ts';
import type { WriterLease } from './writer-lease.ts';

/** Bytes are fewer than etcd takes: a reader holds 32 commits of one read. */
export const redisLimits = { ops: 512, bytes: 262_144 };

/** A registration may be lost again between its making and its use; more often than this it is no accident. */
const attempts = 3;

export interface RedisCommitterOptions {
  readonly maxInFlight: number;
  /** Larger values are refused, so that a cache in Redis takes what one in etcd takes. */
  readonly maxValueBytes: number;
}

/** Writes ops in scripts of bounded size, several in flight. */
export class RedisCommitter {
  readonly #link: RedisLink;
  readonly #lease: WriterLease;
  readonly #options: RedisCommitterOptions;
  readonly #inFlight: Semaphore;

  constructor(link: RedisLink, lease: WriterLease, options: RedisCommitterOptions) {
    this.#link = link;
    this.#lease = lease;
    this.#options = options;
    this.#inFlight = new Semaphore(options.maxInFlight);
  }

  async commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const refused = ops.filter((op) => this.#isTooLarge(op)).map(refuse);
    const plan = planTransactions(refused.length === 0 ? ops : ops.filter((op) => !this.#isTooLarge(op)), redisLimits);
    let revision = 0n;
    for (const stage of plan) {
      // All are waited for, also when one fails: nothing may still be written after the caller was told.
      const results = await Promise.allSettled(
        stage.map((batch) => this.#inFlight.run(() => this.#write(batch, signal))),
      );
      for (const result of results) {
        if (result.status === 'rejected') throw result.reason;
        if (result.value > revision) revision = result.value;
      }
    }
    return { revision, refused };
  }

  async #write(batch: readonly KvOp[], signal: AbortSignal): Promise<bigint> {
    const [op] = batch;
    if (op?.kind === 'delete-prefix') return this.#deletePrefix(op.prefix, signal);
    return this.#transact(batch.filter(isOfOneKey), signal);
  }

  /** Page by page: one script over a large hash would hold up the whole server. */
  async #deletePrefix(prefix: string, signal: AbortSignal): Promise<bigint> {
    let revision = 0n;
    for await (const page of scanPrefix(await this.#link.session(), prefix)) {
      const deletes = page.map(({ key }) => ({ kind: 'delete', key }) as const);
      for (let at = 0; at < deletes.length; at += redisLimits.ops) {
        revision = await this.#transact(deletes.slice(at, at + redisLimits.ops), signal);
      }
    }
    return revision;
  }

  async #transact(ops: readonly TransactionOp[], signal: AbortSignal): Promise<bigint> {
    const attempted = `write ${describe(ops)}`;
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw new MeshError('KV_UNAVAILABLE', `${attempted}: aborted`, { retryable: true });
      const mine = await this.#lease.registration();
      this.#lease.begin(ops);
      const outcome = await transact(await this.#link.session(), ops, mine, { ...this.#lease.limits, attempted });
      if (typeof outcome === 'bigint') {
        this.#lease.written(ops, mine, outcome);
        return outcome;
      }
      await this.#lease.lose(mine, outcome);
      if (outcome.kind === 'store') throw storeChanged(attempted);
      if (attempt === attempts) throw new MeshError('KV_LEASE_LOST', attempted, { retryable: true });
    }
  }

  #isTooLarge(op: KvOp): boolean {
    return op.kind === 'put' && op.value.length > this.#options.maxValueBytes;
  }
}

function isOfOneKey(op: KvOp): op is Exclude<KvOp, { kind: 'delete-prefix' }> {
  return op.kind !== 'delete-prefix';
}

function refuse(op: KvOp): RefusedOp {
  const [key, bytes] = op.kind === 'put' ? [op.key, op.value.length] : ['', 0];
  return { op, error: new MeshError('KV_TOO_LARGE', `write ${key}: a value of ${bytes} bytes`) };
}

function storeChanged(attempted: string): MeshError {
  return new MeshError('KV_STORE_CHANGED', `${attempted}: another store answers, or it lost its data`, {
    retryable: true,
  });
}

function describe([op, ...more]: readonly TransactionOp[]): string {
  if (op === undefined) return 'nothing';
  return more.length === 0 ? op.key : `${op.key} and ${more.length} more`;
}
