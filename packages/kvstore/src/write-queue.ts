import type { KvOp } from './kv-store.ts';

export type KeyOp = Exclude<KvOp, { kind: 'delete-prefix' }>;

export interface BatchLimits {
  readonly ops: number;
  readonly bytes: number;
  /** Deletions before all that is put, so that none waits for additions; not past a barrier that is a deletion. */
  readonly deletesFirst?: boolean;
  /** Nothing that is put: for a store that is full. */
  readonly deletesOnly?: boolean;
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
  #waitingDeletes = 0;

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

  /** Of those that wait. */
  get deletes(): number {
    return this.#waitingDeletes;
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Waiting, or taken and not yet acknowledged. */
  isPending(key: string): boolean {
    return this.#waiting.has(key) || this.#taken.has(key);
  }

  push(op: KeyOp): void {
    const before = this.#waiting.get(op.key);
    this.#waitingBytes += opBytes(op) - opBytes(before);
    this.#waitingDeletes += deletes(op) - deletes(before);
    this.#waiting.set(op.key, op);
  }

  /** At the end of the queue, whatever the key's place was. */
  pushBarrier(op: KeyOp): void {
    this.#remove(op.key);
    this.push(op);
    this.#barriers.add(op.key);
  }

  /**
   * Behind all that waits: it gives away what they take over. Not of a barrier. One that is put goes behind it again: it
   * announces this as well.
   */
  moveToEnd(key: string): void {
    if (!this.#waiting.has(key)) return;
    this.#putLast(key);
    for (const barrier of this.#barriers) if (this.#waiting.get(barrier)?.kind === 'put') this.#putLast(barrier);
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
    for (const op of this.#next(limits)) {
      const isBarrier = this.#barriers.size > 0 && this.#barriers.has(op.key);
      if (batch.size > 0 && (isBarrier || batch.size >= limits.ops || bytes >= limits.bytes)) break;
      batch.set(op.key, op);
      bytes += opBytes(op);
      if (isBarrier) break;
    }
    for (const op of batch.values()) this.#removeOp(op);
    this.#taken = batch;
    this.#takenBytes = bytes;
    return [...batch.values()];
  }

  acknowledge(): void {
    for (const key of this.#barriers) if (this.#taken.has(key) && !this.#waiting.has(key)) this.#barriers.delete(key);
    this.#clearTaken();
  }

  /** The taken batch was not written: it waits again, at the front, unless a newer op of its key has come. */
  putBack(): void {
    const later = [...this.#waiting];
    const first = [...this.#taken].filter(([key]) => !(this.#barriers.has(key) && this.#waiting.has(key)));
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#waitingDeletes = 0;
    for (const [, op] of [...first, ...later]) this.push(op);
    this.#clearTaken();
  }

  /**
   * A canary may be put after deletions that came later: what it announces is then only newer. A canary that is deleted goes
   * before all that it announced.
   */
  #next({ deletesFirst = false, deletesOnly = false }: BatchLimits): Iterable<KeyOp> {
    if (deletesOnly) return this.#onlyDeletes();
    const mayPass = deletesFirst && this.#waitingDeletes > 0 && !this.#isDeletionBarred();
    return mayPass ? this.#onlyDeletes() : this.#waiting.values();
  }

  *#onlyDeletes(): Generator<KeyOp> {
    let left = this.#waitingDeletes;
    for (const op of this.#waiting.values()) {
      if (left === 0) return;
      if (op.kind !== 'delete') continue;
      left--;
      yield op;
    }
  }

  #isDeletionBarred(): boolean {
    for (const key of this.#barriers) if (this.#waiting.get(key)?.kind === 'delete') return true;
    return false;
  }

  #putLast(key: string): void {
    const op = this.#waiting.get(key);
    if (op === undefined) return;
    this.#waiting.delete(key);
    this.#waiting.set(key, op);
  }

  #remove(key: string): void {
    const op = this.#waiting.get(key);
    if (op !== undefined) this.#removeOp(op);
  }

  #removeOp(op: KeyOp): void {
    this.#waitingBytes -= opBytes(op);
    this.#waitingDeletes -= deletes(op);
    this.#waiting.delete(op.key);
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

function deletes(op: KeyOp | undefined): number {
  return Number(op?.kind === 'delete');
}
