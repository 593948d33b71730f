import { Backoff, describeError, hasCode, isAborted, isMeshError } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger, Random } from '@clustermesh/runtime';

import { KeyTable } from './key-table/key-table.ts';
import { KnownKeys } from './known-keys.ts';
import type { KvReader, KvWriter, RefusedOp } from './kv-store.ts';
import { WakeUp } from './wake-up.ts';
import { WriteQueue } from './write-queue.ts';
import type { BatchLimits, KeyOp } from './write-queue.ts';

export interface SyncStoreDeps {
  readonly writer: KvWriter;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: Random;
  readonly log: Logger;
  readonly health?: HealthScope;
  /**
   * Given: values are not kept after they are written, and the owner is asked to upsert these keys again when their
   * lease was lost. Not given: values are kept and written again from memory.
   */
  readonly reload?: (keys: readonly string[]) => void;
  /** Of one commit, where the writer is slow: what comes meanwhile need not wait for more than that. */
  readonly batch?: () => { readonly ops: number; readonly bytes?: number; readonly deletesFirst: boolean };
  /** Told of each change of how much is kept in the store: keys, and bytes of keys and values. */
  readonly onUsage?: (keys: number, bytes: number) => void;
  /** Where keys are stored, if others know them too. */
  readonly keys?: KeyTable;
}

/** What may wait to be written before a reader of the source should pause. */
export interface PendingLimits {
  readonly keys: number;
  readonly bytes: number;
}

const nothing = (): PendingLimits => ({ keys: 0, bytes: 0 });

/** Of one commit: enough to fill the writer's transactions in flight, little enough to be told of progress. */
const batchLimits = { ops: 1_024, bytes: 8 * 1_048_576 };

/**
 * Above this much whoever reads pauses, so that a slow store holds back its source, and values are not collected in memory.
 * One commit is under way while the next one waits: more would not be written sooner.
 */
export const maxPending: PendingLimits = { keys: 2 * batchLimits.ops, bytes: 2 * 1_048_576 };

interface Canary {
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * Brings a set of keys into a store and keeps them there (protocol.md §4.1): coalesces by key, skips unchanged
 * bytes, writes again what a lost lease took along, and puts a canary when all is written. `run` is the only writer.
 */
export class SyncStore {
  readonly #deps: SyncStoreDeps;
  readonly #backoff: Backoff;
  readonly #queue = new WriteQueue();
  /** What has been asked for, written or not. */
  readonly #desired: KnownKeys;
  readonly #values = new Map<string, Uint8Array>();
  /** Found in the store at the start and not asked for so far. */
  readonly #adopted: KnownKeys;
  /** What the store has of keys whose deletion still waits: the same value again makes it needless. */
  readonly #leaving = new KnownKeys();
  /** Gone with their lease and not upserted since: to be written even if unchanged. Only with `reload`. */
  readonly #lost = new Set<string>();
  readonly #refused = new Map<string, string>();
  #canary: Canary | undefined;
  readonly #changed = new WakeUp();
  #isRunning = false;
  /** The store has refused to put anything. */
  #isFull = false;

  constructor(deps: SyncStoreDeps) {
    this.#deps = deps;
    const { keys = new KeyTable() } = deps;
    this.#desired = new KnownKeys(keys);
    this.#adopted = new KnownKeys(keys);
    this.#backoff = new Backoff({ baseMs: 100, capMs: 30_000, random: deps.random });
  }

  /** Keys whose newest op is not acknowledged. */
  get pending(): number {
    return this.#queue.size;
  }

  get size(): number {
    return this.#desired.size;
  }

  /** Bytes of the value that the store has, or will have, under `key`; undefined when it is not kept there. */
  sizeOf(key: string): number | undefined {
    return this.#desired.sizeOf(key) ?? this.#adopted.sizeOf(key);
  }

  /** Keys that the store will not take as they are, and why. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /** The store has acknowledged the value that is asked for, or had it from an earlier process. */
  isWritten(key: string): boolean {
    return this.#desired.has(key) && this.#isAtRest(key);
  }

  upsert(key: string, value: Uint8Array): void {
    this.#account(key, value.length);
    const isLost = this.#lost.delete(key);
    const isAdopted = this.#adopted.matches(key, value) && !isLost;
    const isLeaving = this.#leaving.matches(key, value);
    this.#adopted.delete(key);
    this.#leaving.delete(key);
    if (!this.#desired.put(key, value) && !isLost) return;
    if (this.#deps.reload === undefined) this.#values.set(key, value);
    // It stands there, or waits to be taken over.
    if (isAdopted) return;
    this.#refused.delete(key);
    if (isLeaving) this.#queue.withdraw(key);
    else this.#queue.push({ kind: 'put', key, value });
    this.#changed.wake();
  }

  /** The value that the store has stays, whatever the newest one is: an adopted key counts as asked for. */
  keep(key: string): void {
    if (this.#adopted.has(key)) this.#desired.moveFrom(this.#adopted, key);
  }

  /** A key that is neither asked for nor adopted is left alone. */
  delete(key: string): void {
    this.#account(key, undefined);
    const ours = this.#desired.has(key) ? this.#desired : this.#adopted;
    if (!ours.has(key)) return;
    if (this.#isAtRest(key)) this.#leaving.moveFrom(ours, key);
    else ours.delete(key);
    this.#values.delete(key);
    this.#lost.delete(key);
    this.#refused.delete(key);
    this.#queue.push({ kind: 'delete', key });
    this.#changed.wake();
  }

  /** What waits to be written of the key goes behind all else that waits; otherwise it keeps the place it had first. */
  writeLast(key: string): void {
    this.#queue.moveToEnd(key);
  }

  /** All keys of the start have been upserted: what was adopted and not asked for is deleted, when those are written. */
  prune(): void {
    for (const key of this.#adopted.keys()) {
      this.delete(key);
      this.#queue.moveToEnd(key);
    }
  }

  /**
   * `prune`, and when everything up to here is written, the canary. Later calls put no canary, unless it was lost
   * with its lease.
   */
  synced(canaryKey: string, canaryValue: Uint8Array): void {
    this.prune();
    if (this.#canary !== undefined) return;
    this.#canary = { key: canaryKey, value: canaryValue };
    this.#queue.pushBarrier({ kind: 'put', ...this.#canary });
    this.#changed.wake();
  }

  /**
   * Takes over what an earlier process left under `prefix` (I3 across restarts). Before `prune` and `synced`. Its
   * keys are put again as they are: they hang on the earlier process's lease, and must outlive it even if their
   * source cannot be asked for longer than that (I4). So is the earlier canary, behind them: without it readers that
   * start meanwhile would take the set for an unfinished one.
   */
  async adopt(
    kv: Pick<KvReader, 'get' | 'watch'>,
    prefix: string,
    canaryKey: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for await (const batch of kv.watch(prefix, {}, signal)) {
      for (const event of batch.events) if (event.kind === 'put') this.#adopt(event.key, event.value);
      this.#changed.wake();
      if (batch.phase === 'list-done') break;
      // Else all values would be in memory at once; who adopts before `run` has to hold them all.
      if (this.#isRunning) await this.settled(signal, () => maxPending);
    }
    if (canaryKey !== undefined) await this.#adoptCanary(kv, canaryKey, signal);
  }

  /** Deletes all that it wrote or adopted, the canary first: nobody may take a half-deleted set for a whole one. */
  drain(canaryKey: string | undefined = this.#canary?.key): void {
    if (canaryKey !== undefined) this.#queue.pushBarrier({ kind: 'delete', key: canaryKey });
    this.#canary = undefined;
    for (const keys of [this.#desired, this.#adopted]) for (const key of keys.keys()) this.delete(key);
    this.#changed.wake();
  }

  /** Resolves when no more than `limits` are pending (default: nothing), or on abort. Somebody must be in `run`. */
  settled(signal: AbortSignal, limits: () => PendingLimits = nothing): Promise<void> {
    const isWithin = ({ keys, bytes }: PendingLimits): boolean => this.pending <= keys && this.#queue.bytes <= bytes;
    return this.#changed.until(() => isWithin(limits()), signal);
  }

  /** Resolves when the store knows the newest of `key`, a value or its deletion, or on abort; whatever else waits. */
  written(key: string, signal: AbortSignal): Promise<void> {
    return this.#changed.until(() => this.#isAtRest(key), signal);
  }

  /** Writes until abort. Failures are retried for ever, later and later: the store's owner hears of them by health. */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#deps.writer.onLeaseLost((keys) => this.#leaseLost(keys));
    this.#isRunning = true;
    try {
      while (!signal.aborted) {
        await this.#changed.until(() => !this.#queue.isEmpty, signal);
        if (!this.#queue.isEmpty) await this.#flush(signal);
      }
    } finally {
      this.#isRunning = false;
      unsubscribe();
    }
  }

  async #flush(signal: AbortSignal): Promise<void> {
    try {
      await this.#commit({ ...batchLimits, ...this.#deps.batch?.() }, signal);
    } catch (error) {
      if (!isAborted(signal)) await this.#failed(error, signal);
    }
  }

  /** Throws what the writer throws; what was taken then waits again. */
  async #commit(limits: BatchLimits, signal: AbortSignal): Promise<void> {
    const batch = this.#queue.take(limits);
    for (const { kind, key } of batch) if (kind === 'delete') this.#leaving.delete(key);
    try {
      const { refused } = await this.#deps.writer.commit(batch, signal);
      const denied = refused.find(({ error }) => hasCode(error, 'KV_PERMISSION_DENIED'));
      // Access to nothing at all is put right by whoever grants roles: try again, set nothing aside.
      if (denied !== undefined && refused.length === batch.length) throw denied.error;
      this.#written(batch, refused);
    } catch (error) {
      this.#queue.putBack();
      throw error;
    }
  }

  #written(batch: readonly KeyOp[], refused: readonly RefusedOp[]): void {
    this.#queue.acknowledge();
    for (const refusal of refused) this.#setAside(refusal);
    this.#changed.wake();
    // That a full store takes deletions says nothing of what it refused.
    if (this.#isFull && batch.every(({ kind }) => kind === 'delete')) return;
    this.#isFull = false;
    this.#backoff.reset();
    if (this.#refused.size === 0) this.#deps.health?.ok();
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const waitMs = this.#backoff.next();
    const reason = describeError(error);
    const code = isMeshError(error) ? error.code : undefined;
    this.#deps.health?.degraded(reason);
    this.#deps.log.warn({ reason, code, waitMs, pending: this.pending }, 'write failed, will retry');
    const waited = new AbortController();
    const sleep = this.#deps.clock.sleep(waitMs, signal).then(() => waited.abort());
    this.#isFull = code === 'KV_NO_SPACE';
    this.#changed.wake(); // limits of what may wait can be others in a full store
    if (this.#isFull) await this.#deleteMeanwhile(AbortSignal.any([signal, waited.signal]), signal);
    await sleep;
  }

  /** A store that is full takes deletions as ever, and is the better for them. Until `over`, or a failure. */
  async #deleteMeanwhile(over: AbortSignal, signal: AbortSignal): Promise<void> {
    while (!isAborted(over)) {
      await this.#changed.until(() => this.#queue.deletes > 0, over);
      if (this.#queue.deletes === 0) return;
      try {
        await this.#commit({ ...batchLimits, deletesOnly: true }, signal);
      } catch (error) {
        this.#deps.log.debug({ reason: describeError(error), deletes: this.#queue.deletes }, 'deletions wait as well');
        return;
      }
    }
  }

  /** Told once: the same value is not tried again. */
  #setAside({ op, error }: RefusedOp): void {
    if (op.kind === 'delete-prefix' || this.#queue.has(op.key)) return;
    const reason = describeError(error);
    this.#refused.set(op.key, reason);
    this.#deps.log.error({ key: op.key, reason }, 'the store refuses a key');
    this.#deps.health?.degraded(`the store refuses ${op.key}: ${reason}`);
  }

  #leaseLost(keys: readonly string[]): void {
    const { reload } = this.#deps;
    for (const key of keys) {
      this.#leaving.delete(key);
      // Gone or not, it may have to be deleted (I3), and nothing is known to stand there.
      if (this.#adopted.has(key) && !this.#queue.has(key)) this.#lost.add(key);
    }
    const lost = keys.filter((key) => this.#desired.has(key) && !this.#queue.has(key));
    if (reload === undefined) this.#putAgain(lost);
    const canary = this.#canary;
    if (canary !== undefined && (keys.includes(canary.key) || this.#queue.has(canary.key))) {
      this.#putCanaryAgain(canary, lost.length > 0);
    }
    if (reload !== undefined && lost.length > 0) {
      for (const key of lost) this.#lost.add(key);
      reload(lost);
    }
    this.#changed.wake();
  }

  /** The store has what was last asked for: nothing was refused or lost, nothing waits. */
  #isAtRest(key: string): boolean {
    return !this.#refused.has(key) && !this.#lost.has(key) && !this.#queue.isPending(key);
  }

  #adopt(key: string, value: Uint8Array): void {
    if (this.#desired.has(key)) return;
    this.#account(key, value.length);
    this.#leaving.delete(key);
    this.#adopted.put(key, value);
    this.#queue.push({ kind: 'put', key, value });
  }

  async #adoptCanary(kv: Pick<KvReader, 'get'>, key: string, signal: AbortSignal): Promise<void> {
    const found = await kv.get(key, signal);
    // `synced` may have come first: its canary is the newer one.
    if (found === undefined || this.#canary !== undefined) return;
    this.#queue.pushBarrier({ kind: 'put', key, value: found.value });
    this.#changed.wake();
  }

  /** Before a key gets a value of so many bytes, or none. */
  #account(key: string, bytes: number | undefined): void {
    const { onUsage } = this.#deps;
    const before = this.sizeOf(key);
    if (onUsage === undefined || before === bytes) return;
    const keys = Number(bytes !== undefined) - Number(before !== undefined);
    onUsage(keys, keys * key.length + (bytes ?? 0) - (before ?? 0));
  }

  #putAgain(keys: readonly string[]): void {
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) this.#queue.push({ kind: 'put', key, value });
    }
  }

  /** Behind the keys that were lost; an owner who reloads them has them back only at its next `synced`. */
  #putCanaryAgain(canary: Canary, keysLost: boolean): void {
    if (keysLost && this.#deps.reload !== undefined) {
      this.#canary = undefined;
      this.#queue.withdraw(canary.key);
    } else {
      this.#queue.pushBarrier({ kind: 'put', ...canary });
    }
  }
}
