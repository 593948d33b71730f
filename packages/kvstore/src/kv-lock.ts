import { Backoff, MeshError, aborted, describeError, isAborted, retryLoop, withDeadline } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { CommitResult, KvEvent, KvOp, KvStore } from './kv-store.ts';

export interface KvLockDeps {
  /** With a session of its own, whose lease is as short as a lost holder may be missed. */
  readonly store: KvStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

const releaseMs = 2_000;

/**
 * A lock as etcd's Go library makes it (`concurrency.Mutex`, which Cilium uses): everybody who wants it puts a key of his own
 * below `path`, on a lease, and it is whose key was there first. Waiting (our key is put) -> held (no older one is left) ->
 * lost (our key is gone), which ends `run` by KV_LEADERSHIP_LOST: another may hold it by now.
 */
export class KvLock {
  readonly #prefix: string;
  readonly #key: string;
  readonly #deps: KvLockDeps;
  readonly #got = Promise.withResolvers<undefined>();
  /** Everybody who wants it: key -> revision of its put. */
  readonly #wanted = new Map<string, bigint>();
  #isHeld = false;
  /** `#wanted` is as the store has it now. */
  #isCertain = false;
  #becameCertain = Promise.withResolvers<undefined>();

  constructor(path: string, deps: KvLockDeps) {
    this.#prefix = `${path}/`;
    this.#key =
      this.#prefix +
      Math.floor(deps.random.next() * 2 ** 48)
        .toString(16)
        .padStart(12, '0');
    this.#deps = deps;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Resolves when the lock is ours, or on abort. */
  async held(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#got.promise, aborted(signal)]);
  }

  /** The same store, whose writes wait while it is not certain that the lock is ours. */
  guard(kv: KvStore): KvStore {
    return {
      description: kv.description,
      transactionLimits: kv.transactionLimits,
      get: (key, signal) => kv.get(key, signal),
      watch: (prefix, options, signal) => kv.watch(prefix, options, signal),
      commit: async (ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> => {
        while (!(this.#isHeld && this.#isCertain) && !isAborted(signal)) {
          await Promise.race([this.#becameCertain.promise, aborted(signal)]);
        }
        signal.throwIfAborted();
        return kv.commit(ops, signal);
      },
      onLeaseLost: (listener) => kv.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
    };
  }

  /** Until abort, which hands the lock over; throws KV_LEADERSHIP_LOST. */
  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.#deps;
    const options = { ...this.#deps, name: 'lock', backoff: new Backoff({ baseMs: 250, capMs: 5_000, random }) };
    await retryLoop((both, progressed) => this.#follow(progressed, both), options, signal);
    if (!isAborted(signal)) throw new MeshError('KV_LEADERSHIP_LOST', `hold ${this.#prefix}: our key is gone from it`);
    await this.#release();
  }

  /** Returns when the lock is lost, and on abort. */
  async #follow(progressed: () => void, signal: AbortSignal): Promise<void> {
    let isListing = false;
    try {
      for await (const { phase, events } of this.#deps.store.watch(this.#prefix, {}, signal)) {
        if (phase !== 'live' && !isListing) this.#wanted.clear();
        isListing = phase === 'list';
        for (const event of events) this.#record(event);
        if (isListing) continue;
        progressed();
        if (this.#wanted.has(this.#key)) this.#settle();
        else if (this.#isHeld) return;
        else await this.#want(signal);
      }
    } finally {
      this.#isCertain = false;
    }
  }

  #record(event: KvEvent): void {
    if (event.kind === 'put') this.#wanted.set(event.key, event.modRevision);
    else this.#wanted.delete(event.key);
  }

  #settle(): void {
    const ours = this.#wanted.get(this.#key) ?? 0n;
    if (!this.#isHeld && [...this.#wanted.values()].some((revision) => revision < ours)) return;
    if (!this.#isHeld) this.#deps.log.info({ key: this.#key }, 'lock is held');
    this.#isHeld = true;
    this.#isCertain = true;
    this.#got.resolve(undefined);
    this.#becameCertain.resolve(undefined);
    this.#becameCertain = Promise.withResolvers();
  }

  async #want(signal: AbortSignal): Promise<void> {
    const op: KvOp = { kind: 'put', key: this.#key, value: new Uint8Array() };
    const { refused } = await this.#deps.store.commit([op], signal);
    if (refused[0] !== undefined) throw refused[0].error;
  }

  /** Another need not wait for our lease to end. What cannot be said within the time is left to it. */
  async #release(): Promise<void> {
    const { clock, log, store } = this.#deps;
    const deadline = { ms: releaseMs, what: 'release the lock', clock };
    const release = async (both: AbortSignal): Promise<void> => {
      await store.commit([{ kind: 'delete', key: this.#key }], both);
    };
    try {
      await withDeadline(deadline, release, new AbortController().signal);
    } catch (error) {
      log.debug({ reason: describeError(error) }, 'lock not released');
    }
  }
}
