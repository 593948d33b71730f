import type { CommitResult, KvOp, KvWriter } from '@clustermesh/kvstore';

/** A writer that tells which values of one key, a mirror's canary, have reached the store. */
export class CanaryWriter implements KvWriter {
  readonly #writer: KvWriter;
  readonly #canaryKey: string;
  readonly #onWritten: (value: Uint8Array) => void;

  constructor(writer: KvWriter, canaryKey: string, onWritten: (value: Uint8Array) => void) {
    this.#writer = writer;
    this.#canaryKey = canaryKey;
    this.#onWritten = onWritten;
  }

  async commit(ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const result = await this.#writer.commit(ops, signal);
    const isRefused = result.refused.some(({ op }) => op.kind === 'put' && op.key === this.#canaryKey);
    if (isRefused) return result;
    for (const op of ops) if (op.kind === 'put' && op.key === this.#canaryKey) this.#onWritten(op.value);
    return result;
  }

  onLeaseLost(listener: (keys: readonly string[]) => void): () => void {
    return this.#writer.onLeaseLost(listener);
  }
}
