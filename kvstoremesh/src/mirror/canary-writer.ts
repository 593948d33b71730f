import type { CommitResult, KvOp, KvWriter } from '@clustermesh/kvstore';

/** A writer that tells when one key, a mirror's canary, has reached the store. */
export class CanaryWriter implements KvWriter {
  readonly #writer: KvWriter;
  readonly #canaryKey: string;
  readonly #onWritten: () => void;

  constructor(writer: KvWriter, canaryKey: string, onWritten: () => void) {
    this.#writer = writer;
    this.#canaryKey = canaryKey;
    this.#onWritten = onWritten;
  }

  async commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const result = await this.#writer.commit(ops, signal);
    const isRefused = result.refused.some(({ op }) => this.#isCanary(op));
    if (!isRefused && ops.some((op) => this.#isCanary(op))) this.#onWritten();
    return result;
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    return this.#writer.onLeaseLost(listener);
  }

  #isCanary(op: KvOp): boolean {
    return op.kind === 'put' && op.key === this.#canaryKey;
  }
}
