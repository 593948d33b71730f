import { hasCode } from '@clustermesh/runtime';

import { prefixEnd } from '../key-range.ts';
import type { CommitResult, KvOp, RefusedOp } from '../kv-store.ts';
import type { EtcdConnection } from './connection.ts';
import { classify } from './grpc-errors.ts';
import type { Leases } from './leases.ts';
import type { RequestOp } from './messages.ts';
import { txn } from './methods.ts';
import { Semaphore } from '../semaphore.ts';
import { planTransactions } from '../transactions.ts';
import type { Stage } from '../transactions.ts';
import type { WriteGate } from './write-gate.ts';
import { WriteHistory } from './write-history.ts';

/** A lease may be lost again between its grant and its use; more often than this it is no accident. */
const leaseAttempts = 3;

export interface CommitterOptions {
  /** Without, keys stay when the writer is gone. */
  readonly leases: Leases | undefined;
  /** Passed before each transaction. */
  readonly gate: WriteGate | undefined;
  readonly maxInFlight: number;
}

interface Outcome {
  readonly revision: bigint;
  readonly refused: readonly RefusedOp[];
}

/** Writes ops in transactions of etcd's limits, several in flight. */
export class Committer {
  readonly #connection: EtcdConnection;
  readonly #leases: Leases | undefined;
  readonly #gate: WriteGate | undefined;
  readonly #history: WriteHistory | undefined;
  readonly #inFlight: Semaphore;

  constructor(connection: EtcdConnection, { leases, gate, maxInFlight }: CommitterOptions) {
    this.#connection = connection;
    this.#leases = leases;
    this.#gate = gate;
    this.#history = leases && new WriteHistory(connection, () => leases.giveUp());
    this.#inFlight = new Semaphore(maxInFlight);
  }

  async commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const outcomes: Outcome[] = [];
    for (const stage of planTransactions(ops)) outcomes.push(...(await this.#runStage(stage, signal)));
    return merge(outcomes);
  }

  /** Waits for all, also when one fails: nothing may still be written after the caller was told. */
  async #runStage(stage: Stage, signal: AbortSignal): Promise<readonly Outcome[]> {
    const results = await Promise.allSettled(
      stage.map((batch) => this.#inFlight.run(() => this.#write(batch, signal))),
    );
    return results.map((result) => {
      if (result.status === 'rejected') throw classify(result.reason, 'commit');
      return result.value;
    });
  }

  /** Halves a refused batch until the op that is refused stands alone. */
  async #write(batch: readonly KvOp[], signal: AbortSignal): Promise<Outcome> {
    try {
      return { revision: await this.#transact(batch, signal), refused: [] };
    } catch (caught) {
      const error = classify(caught, 'write');
      if (!hasCode(error, 'KV_TOO_LARGE', 'KV_PERMISSION_DENIED', 'KV_REFUSED')) throw error;
      const [op] = batch;
      if (op !== undefined && batch.length === 1) return this.#refuse(op, error);
      const middle = Math.ceil(batch.length / 2);
      const first = await this.#write(batch.slice(0, middle), signal);
      return merge([first, await this.#write(batch.slice(middle), signal)]);
    }
  }

  #refuse(op: KvOp, error: Error): Outcome {
    if (op.kind === 'put') this.#leases?.release([op.key]);
    return { revision: 0n, refused: [{ op, error }] };
  }

  async #transact(batch: readonly KvOp[], signal: AbortSignal): Promise<bigint> {
    for (let attempt = 1; ; attempt++) {
      await this.#gate?.pass(signal);
      await this.#history?.checked(signal);
      const requests = await this.#requests(batch, signal);
      try {
        const { header } = await this.#connection.unary(txn, requests, `write ${describe(batch)}`, signal);
        this.#releaseDeleted(batch);
        this.#history?.acknowledged(batch, header.revision);
        this.#leases?.settled(batch);
        return header.revision;
      } catch (error) {
        if (this.#leases === undefined || attempt === leaseAttempts || !hasCode(error, 'KV_LEASE_LOST')) throw error;
        await this.#leases.renew(signal);
      }
    }
  }

  async #requests(batch: readonly KvOp[], signal: AbortSignal): Promise<RequestOp[]> {
    const keys: string[] = [];
    for (const op of batch) if (op.kind === 'put') keys.push(op.key);
    const leases = (await this.#leases?.assign(keys, signal)) ?? [];
    let next = 0;
    return batch.map((op) => {
      if (op.kind === 'put') return { kind: 'put', key: op.key, value: op.value, lease: leases[next++] ?? 0n };
      if (op.kind === 'delete') return { kind: 'delete-range', key: op.key };
      return { kind: 'delete-range', key: op.prefix, rangeEnd: prefixEnd(op.prefix) };
    });
  }

  #releaseDeleted(batch: readonly KvOp[]): void {
    for (const op of batch) {
      if (op.kind === 'delete') this.#leases?.release([op.key]);
      else if (op.kind === 'delete-prefix') this.#leases?.releasePrefix(op.prefix);
    }
  }
}

function merge(outcomes: readonly Outcome[]): Outcome {
  const revision = outcomes.reduce((highest, outcome) => (outcome.revision > highest ? outcome.revision : highest), 0n);
  return { revision, refused: outcomes.flatMap(({ refused }) => refused) };
}

function describe(batch: readonly KvOp[]): string {
  const [op] = batch;
  if (op === undefined) return 'nothing';
  const first = op.kind === 'delete-prefix' ? `${op.prefix}*` : op.key;
  return batch.length === 1 ? first : `${first} and ${batch.length - 1} more`;
}
