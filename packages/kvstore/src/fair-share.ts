import type { CommitResult, KvOp, KvWriter } from './kv-store.ts';
import { planTransactions, transactionLimits } from './transactions.ts';

export interface FairShareOptions {
  /** Transactions at a time, of all tenants together. */
  readonly inFlight: number;
  /** Of one tenant: what is left lets another one in without waiting. */
  readonly perTenant: number;
}

interface Tenant {
  readonly waiting: (() => void)[];
  inFlight: number;
}

/**
 * One store's writing side, shared so that whoever writes much waits for himself: transactions are let through in turn,
 * one of each tenant that has any, and no tenant has all places.
 */
export class FairShare {
  readonly #writer: Pick<KvWriter, 'commit' | 'transactionLimits'>;
  readonly #options: FairShareOptions;
  /** Those that wait, next one first. */
  readonly #turns = new Set<Tenant>();
  #inFlight = 0;

  constructor(
    writer: Pick<KvWriter, 'commit' | 'transactionLimits'>,
    options: FairShareOptions = { inFlight: 16, perTenant: 12 },
  ) {
    this.#writer = writer;
    this.#options = options;
  }

  /** As the writer's `commit`, for one more tenant. */
  tenant(): KvWriter['commit'] {
    const tenant: Tenant = { waiting: [], inFlight: 0 };
    return (ops, signal) => this.#commit(tenant, ops, signal);
  }

  async #commit(tenant: Tenant, ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const results: CommitResult[] = [];
    for (const stage of planTransactions(ops, this.#writer.transactionLimits ?? transactionLimits)) {
      const writes = stage.map((batch) => this.#inTurn(tenant, () => this.#writer.commit(batch, signal)));
      // All are waited for, also when one fails: nothing may still be written after the caller was told.
      for (const settled of await Promise.allSettled(writes)) {
        if (settled.status === 'rejected') throw settled.reason;
        results.push(settled.value);
      }
    }
    const revision = results.reduce((highest, result) => (result.revision > highest ? result.revision : highest), 0n);
    return { revision, refused: results.flatMap(({ refused }) => refused) };
  }

  async #inTurn(tenant: Tenant, write: () => Promise<CommitResult>): Promise<CommitResult> {
    await new Promise<void>((resolve) => {
      tenant.waiting.push(resolve);
      this.#turns.add(tenant);
      this.#letThrough();
    });
    try {
      return await write();
    } finally {
      tenant.inFlight--;
      this.#inFlight--;
      this.#letThrough();
    }
  }

  #letThrough(): void {
    while (this.#inFlight < this.#options.inFlight) {
      const next = [...this.#turns].find(({ inFlight }) => inFlight < this.#options.perTenant);
      const start = next?.waiting.shift();
      if (next === undefined || start === undefined) return;
      // To the end of the line, if it still has something to write.
      this.#turns.delete(next);
      if (next.waiting.length > 0) this.#turns.add(next);
      next.inFlight++;
      this.#inFlight++;
      start();
    }
  }
}
