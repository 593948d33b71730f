import type { KvOp } from './kv-store.ts';

export type KeyOp = Exclude<KvOp, { kind: 'delete-prefix' }>;

export interface BatchLimits {
  readonly ops: number;
  readonly bytes: number;
}

/**
 * What is still to be written: the newest op of each key, in order of the key's first waiting op. A *barrier* key
 * is taken alone, so when it is written all that stood before it has been acknowledged. Memory ∝ keys, not changes.
 */
export class WriteQueue {
  readonly #waiting = new Map<string, KeyOp>();
  readonly #barriers = new Set<string>();
  #taken: ReadonlyMap<string, KeyOp> = new Map();

  /** Waiting and taken but not yet acknowledged. */
  get size(): number {
    return this.#waiting.size + this.#taken.size;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Waiting, or taken and not yet acknowledged. */
  isPending(key: string): boolean {
    return this.#waiting.has(key) || this.#taken.has(key);
  }

  push(op: KeyOp): void {
    this.#waiting.set(op.key, op);
  }

  /** At the end of the queue, whatever the key's place was. */
  pushBarrier(op: KeyOp): void {
    this.#waiting.delete(op.key);
    this.#waiting.set(op.key, op);
    this.#barriers.add(op.key);
  }

  /** Takes a waiting op back. */
  withdraw(key: string): void {
    this.#waiting.delete(key);
    this.#barriers.delete(key);
  }

  /** The next batch. It stays counted until `acknowledge` or `putBack`. */
  take(limits: BatchLimits): readonly KeyOp[] {
    const batch = new Map<string, KeyOp>();
    let bytes = 0;
    for (const [key, op] of this.#waiting) {
      const isBarrier = this.#barriers.has(key);
      if (batch.size > 0 && (isBarrier || batch.size >= limits.ops || bytes >= limits.bytes)) break;
      batch.set(key, op);
      bytes += key.length + (op.kind === 'put' ? op.value.length : 0);
      if (isBarrier) break;
    }
    for (const key of batch.keys()) this.#waiting.delete(key);
    this.#taken = batch;
    return [...batch.values()];
  }

  acknowledge(): void {
    for (const key of this.#taken.keys()) if (!this.#waiting.has(key)) this.#barriers.delete(key);
    this.#taken = new Map();
  }

  /** The taken batch was not written: it waits again, at the front, unless a newer op of its key has come. */
  putBack(): void {
    const later = [...this.#waiting];
    const first = [...this.#taken].filter(([key]) => !(this.#barriers.has(key) && this.#waiting.has(key)));
    this.#waiting.clear();
    for (const [key, op] of [...first, ...later]) this.#waiting.set(key, op);
    this.#taken = new Map();
  }
}
