import { describeError, hasCode, isMeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';
import type { KvOp, KvWriter } from '@clustermesh/kvstore';

/** Why the local store takes no additions at the moment. */
export interface WriteProblem {
  readonly code: ErrorCode;
  /** One line for people. */
  readonly reason: string;
}

/** How writing to the local store goes, for one remote cluster or for all. */
export class LocalWrites {
  #problem: WriteProblem | undefined;
  #failures = 0;

  get problem(): WriteProblem | undefined {
    return this.#problem;
  }

  /** It takes deletions, and nothing that needs space. */
  get isFull(): boolean {
    return this.#problem?.code === 'KV_NO_SPACE';
  }

  /** The same writer, whose failures are noted until something was put again. */
  noting(commit: KvWriter['commit']): KvWriter['commit'] {
    return async (ops, signal) => {
      const failuresBefore = this.#failures;
      try {
        const result = await commit(ops, signal);
        // A put that was under way before the newest failure proves nothing.
        if (this.#failures === failuresBefore && this.#proves(ops)) this.#problem = undefined;
        return result;
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
        throw error;
      }
    };
  }

  /** A full store takes deletions as ever. */
  #proves(ops: readonly KvOp[]): boolean {
    return !this.isFull || ops.some(({ kind }) => kind === 'put');
  }

  #failed(error: unknown): void {
    this.#failures++;
    // Of several troubles the one that somebody has to do something about.
    if (this.isFull && hasCode(error, 'KV_UNAVAILABLE', 'TIMEOUT')) return;
    this.#problem = { code: isMeshError(error) ? error.code : 'INTERNAL', reason: describeError(error) };
  }
}
