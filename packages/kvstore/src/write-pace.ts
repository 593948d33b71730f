import { RateBudget } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { CommitResult, KvOp, KvStore, RefusedOp } from './kv-store.ts';
import type { SyncStoreDeps } from './sync-store.ts';

/** Puts and deletes a second, over all kinds together. */
export interface WriteRate {
  readonly perSecond: number;
  /** Until everything was published once. */
  readonly whileStarting: number;
}

const maxBatchOps = 1_024;

/** Spares an etcd that has other users: as many writes a second as it is told, the same number at once after a pause. */
export class WritePace {
  readonly #rate: WriteRate;
  readonly #budget: RateBudget;
  #most: number;

  constructor(rate: WriteRate, clock: Pick<Clock, 'monotonicMs' | 'sleep'>) {
    this.#rate = rate;
    this.#most = rate.whileStarting;
    this.#budget = new RateBudget({ perSecond: rate.whileStarting, burst: rate.whileStarting }, clock);
  }

  /**
   * What a SyncStore should commit at once: as much as is written within a second, since what comes meanwhile waits for it. So
   * that deletions wait for no additions they may come first, unless the keys take something over from each other.
   */
  batches(deletesFirst: boolean): NonNullable<SyncStoreDeps['batch']> {
    return () => ({ ops: Math.min(this.#most, maxBatchOps), deletesFirst });
  }

  /** Everything was published once. */
  started(): void {
    this.#most = this.#rate.perSecond;
    this.#budget.setRate({ perSecond: this.#rate.perSecond, burst: this.#rate.perSecond });
  }

  /** The same store, whose writes keep the pace: a long commit becomes several, in order. */
  paced(kv: KvStore): KvStore {
    return {
      description: kv.description,
      get: (key, signal) => kv.get(key, signal),
      watch: (prefix, options, signal) => kv.watch(prefix, options, signal),
      commit: (ops, signal) => this.#commit(kv, ops, signal),
      onLeaseLost: (listener) => kv.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
    };
  }

  async #commit(kv: KvStore, ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const refused: RefusedOp[] = [];
    let rest = ops;
    for (;;) {
      const part = rest.slice(0, this.#most);
      await this.#budget.take(part.length, signal);
      signal.throwIfAborted();
      const result = await kv.commit(part, signal);
      refused.push(...result.refused);
      rest = rest.slice(part.length);
      if (rest.length === 0) return { ...result, refused };
    }
  }
}
