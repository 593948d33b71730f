import type { KvOp } from './kv-store.ts';

export type KeyOp = Exclude<KvOp, { kind: 'delete-prefix' }>;

export interface BatchLimits {
  readonly ops: number;
  readonly bytes: number;
  /** Where writing is slow: deletions before all that is put, as long as no barrier waits. */
  readonly deletesFirst?: boolean;
}

/**
 * What is still to be written: the newest op of each key, in order of the key's first waiting op. A *barrier* key
 * is taken alone, so when it is written all that stood before it has been acknowledged. Memory ∝ keys, not changes.
 */
export class WriteQueue {
  readonly #waiting = new Map<string, KeyOp>();
  readonly #barriers = new Set<string>();
  #taken: ReadonlyMap<string, KeyOp> = new Map();
  #waitingBytes = 0;
  #takenBytes = 0;

  /** Waiting and taken but not yet acknowledged. */
  get size(): number {
    return this.#waiting.size + this.#taken.size;
  }

  /** Of keys and values that are held, as `size` counts them. */
  get bytes(): number {
    return this.#waitingBytes + this.#takenBytes;
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
    this.#waitingBytes += opBytes(op) - opBytes(this.#waiting.get(op.key));
    this.#waiting.set(op.key, op);
  }

  /** At the end of the queue, whatever the key's place was. */
  pushBarrier(op: KeyOp): void {
    this.#remove(op.key);
    this.push(op);
    this.#barriers.add(op.key);
  }

  /** Takes a waiting op back. */
  withdraw(key: string): void {
    this.#remove(key);
    this.#barriers.delete(key);
  }

  /** The next batch. It stays counted until `acknowledge` or `putBack`. */
  take(limits: BatchLimits): readonly KeyOp[] {
    const batch = new Map<string, KeyOp>();
    let bytes = 0;
    for (const [key, op] of this.#next(limits.deletesFirst === true)) {
      const isBarrier = this.#barriers.has(key);
      if (batch.size > 0 && (isBarrier || batch.size >= limits.ops || bytes >= limits.bytes)) break;
      batch.set(key, op);
      bytes += opBytes(op);
      if (isBarrier) break;
    }
    for (const key of batch.keys()) this.#remove(key);
    this.#taken = batch;
    this.#takenBytes = bytes;
    return [...batch.values()];
  }

  acknowledge(): void {
    for (const key of this.#taken.keys()) if (!this.#waiting.has(key)) this.#barriers.delete(key);
    this.#clearTaken();
  }

  /** The taken batch was not written: it waits again, at the front, unless a newer op of its key has come. */
  putBack(): void {
    const later = [...this.#waiting];
    const first = [...this.#taken].filter(([key]) => !(this.#barriers.has(key) && this.#waiting.has(key)));
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const [, op] of [...first, ...later]) this.push(op);
    this.#clearTaken();
  }

  /** What stands before a barrier must not be passed by what stands behind it. */
  #next(deletesFirst: boolean): Iterable<[string, KeyOp]> {
    const hasBarrier = [...this.#barriers].some((key) => this.#waiting.has(key));
    if (!deletesFirst || hasBarrier) return this.#waiting;
    const deletes = [...this.#waiting].filter(([, { kind }]) => kind === 'delete');
    return deletes.length > 0 ? deletes : this.#waiting;
  }

  #remove(key: string): void {
    this.#waitingBytes -= opBytes(this.#waiting.get(key));
    this.#waiting.delete(key);
  }

  #clearTaken(): void {
    this.#taken = new Map();
    this.#takenBytes = 0;
  }
}

function opBytes(op: KeyOp | undefined): number {
  if (op === undefined) return 0;
  return op.key.length + (op.kind === 'put' ? op.value.length : 0);
}
