import type { CommitResult, KvOp, KvStore } from '@clustermesh/kvstore';
import { MeshError, aborted, describeError, hasCode, isAborted, withDeadline } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';

import { decodeLeader, encodeLeader, leaderKey } from './leader-record.ts';
import type { LeaderRecord } from './leader-record.ts';

export interface LeaderElectionDeps {
  readonly kv: KvStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

const beatMs = 5_000;
/** Who has not beaten for so long, by the clock of the one who watches, leads no more. */
const silenceMs = 3 * beatMs;
/** Whoever has not renewed for so long writes nothing: well before another may lead. */
const fenceMs = 2 * beatMs;
/** A write that was begun before the fence and takes so long is given up: it must not end after another may lead. */
const writeMs = beatMs;
/** Between taking over and leading: of several who try at once only the last one finds itself. */
const settleMs = 3_000;
const releaseMs = 2_000;

/**
 * Replicas that share one etcd: one publishes, the others wait. Follower -> candidate (has written its name) -> leader (its
 * name was still there) -> lost, which ends the process: what it believes to have written may be another's by now.
 */
export class LeaderElection {
  readonly #deps: LeaderElectionDeps;
  readonly #holder: string;
  readonly #led = Promise.withResolvers<undefined>();
  #isLeader = false;
  #renewedMs = -Infinity;
  #renewed = Promise.withResolvers<undefined>();
  /** The other's last record, and when it was new. */
  #other: { readonly beat: string; readonly sinceMs: number } | undefined;

  constructor(deps: LeaderElectionDeps) {
    this.#deps = deps;
    this.#holder = Math.floor(deps.random.next() * 2 ** 48).toString(16);
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** Resolves when this replica leads, or on abort. */
  async held(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#led.promise, aborted(signal)]);
  }

  /** The same store, whose writes wait until this replica leads for certain. */
  guard(kv: KvStore): KvStore {
    return {
      description: kv.description,
      get: (key, signal) => kv.get(key, signal),
      watch: (prefix, options, signal) => kv.watch(prefix, options, signal),
      commit: async (ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> => {
        await this.#certain(signal);
        signal.throwIfAborted();
        return this.#inTime(kv, ops, signal);
      },
      onLeaseLost: (listener) => kv.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
    };
  }

  /** Until abort, which hands over; throws KV_LEADERSHIP_LOST when another replica leads instead. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, health, log } = this.#deps;
    const scope = health.scope('leader-election');
    while (!isAborted(signal)) {
      try {
        await this.#step(signal);
        scope.ok();
      } catch (error) {
        if (isAborted(signal)) break;
        if (hasCode(error, 'KV_LEADERSHIP_LOST')) throw error;
        scope.degraded(describeError(error));
        log.debug({ reason: describeError(error) }, 'leadership not renewed');
      }
      await clock.sleep(beatMs, signal);
    }
    if (this.#isLeader) await this.#release();
  }

  async #step(signal: AbortSignal): Promise<void> {
    const record = await this.#read(signal);
    const isOurs = record?.holder === this.#holder;
    if (this.#isLeader) {
      if (record !== undefined && !isOurs) throw new MeshError('KV_LEADERSHIP_LOST', `lead, as ${record.holder} does`);
      await this.#write(signal);
    } else if (record === undefined || isOurs || this.#isOver(record)) {
      await this.#candidate(signal);
    }
  }

  async #candidate(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    await this.#put({ holder: this.#holder, beat: rfc3339(clock.now()), isReleased: false }, signal);
    await clock.sleep(settleMs, signal);
    const record = await this.#read(signal);
    if (isAborted(signal) || record?.holder !== this.#holder) return;
    await this.#write(signal);
    this.#isLeader = true;
    this.#led.resolve(undefined);
    log.info({ holder: this.#holder }, 'this replica publishes');
  }

  #isOver({ beat, isReleased }: LeaderRecord): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#other?.beat !== beat) this.#other = { beat, sinceMs: nowMs };
    return isReleased || nowMs - this.#other.sinceMs >= silenceMs;
  }

  /** Counts from before the request: others count from when they see it, which is later. */
  async #write(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    await this.#put({ holder: this.#holder, beat: rfc3339(clock.now()), isReleased: false }, signal);
    this.#renewedMs = startMs;
    this.#renewed.resolve(undefined);
    this.#renewed = Promise.withResolvers();
  }

  async #certain(signal: AbortSignal): Promise<void> {
    await this.held(signal);
    while (this.#deps.clock.monotonicMs() - this.#renewedMs >= fenceMs && !isAborted(signal)) {
      await Promise.race([this.#renewed.promise, aborted(signal)]);
    }
  }

  /** What has not been written within the time is given up, and tried again by whoever wants it. */
  #inTime(kv: KvStore, ops: readonly KvOp[], signal: AbortSignal): Promise<CommitResult> {
    const deadline = { ms: writeMs, what: 'write as the leader', clock: this.#deps.clock };
    return withDeadline(deadline, (inner) => kv.commit(ops, inner), signal);
  }

  /** Another need not wait until we are silent. What cannot be said within the time is left to silence. */
  async #release(): Promise<void> {
    const { clock, log } = this.#deps;
    const record = { holder: this.#holder, beat: rfc3339(clock.now()), isReleased: true };
    const deadline = { ms: releaseMs, what: 'hand over the lead', clock };
    try {
      await withDeadline(deadline, (signal) => this.#put(record, signal), new AbortController().signal);
    } catch (error) {
      log.debug({ reason: describeError(error) }, 'lead not handed over');
    }
  }

  async #read(signal: AbortSignal): Promise<LeaderRecord | undefined> {
    const found = await this.#deps.kv.get(leaderKey, signal);
    return found && decodeLeader(found.value);
  }

  async #put(record: LeaderRecord, signal: AbortSignal): Promise<void> {
    const op: KvOp = { kind: 'put', key: leaderKey, value: encodeLeader(record) };
    const { refused } = await this.#inTime(this.#deps.kv, [op], signal);
    if (refused[0] !== undefined) throw refused[0].error;
  }
}
