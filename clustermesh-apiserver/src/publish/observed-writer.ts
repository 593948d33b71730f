import type { CommitResult, KvOp, KvWriter } from '@clustermesh/kvstore';
import type { Clock } from '@clustermesh/runtime';

export interface CommitObserver {
  /** The store has acknowledged these; refused ones are not among them. */
  committed(ops: readonly KvOp[], durationMs: number): void;
  failed(ops: readonly KvOp[], durationMs: number): void;
}

/** A writer that tells what became of each commit. */
export class ObservedWriter implements KvWriter {
  readonly #writer: KvWriter;
  readonly #observer: CommitObserver;
  readonly #clock: Pick<Clock, 'monotonicMs'>;

  constructor(writer: KvWriter, observer: CommitObserver, clock: Pick<Clock, 'monotonicMs'>) {
    this.#writer = writer;
    this.#observer = observer;
    this.#clock = clock;
  }

  async commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const startMs = this.#clock.monotonicMs();
    try {
      const result = await this.#writer.commit(ops, signal);
      const refused = new Set(result.refused.map(({ op }) => op));
      const taken = refused.size === 0 ? ops : ops.filter((op) => !refused.has(op));
      this.#observer.committed(taken, this.#clock.monotonicMs() - startMs);
      return result;
    } catch (error) {
      this.#observer.failed(ops, this.#clock.monotonicMs() - startMs);
      throw error;
    }
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    return this.#writer.onLeaseLost(listener);
  }
}
