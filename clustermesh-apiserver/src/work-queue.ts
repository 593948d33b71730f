import { setImmediate as nextTurn } from 'node:timers/promises';

import { Backoff, aborted, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Health, HealthScope, Logger, Random } from '@clustermesh/runtime';

export interface WorkQueueOptions {
  /** Of this queue in health and logs. */
  readonly name: string;
  /** Keys worked on at the same time. */
  readonly concurrency: number;
  /** A key that was just worked on rests that long, so that a burst of changes costs one more run. Milliseconds. */
  readonly restMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** How long work may hold the event loop in one piece: far below the 50 ms that a stall may last. */
const sliceMs = 10;
const retryBaseMs = 100;
const retryCapMs = 30_000;

/**
 * Keys to bring up to date, each at most once in the queue and never in two hands: memory and work go with keys, not
 * with events. The work reads the latest state of its key, and is run again, later and later, while it fails.
 */
export class WorkQueue {
  readonly #work: (key: string, signal: AbortSignal) => Promise<void>;
  readonly #options: WorkQueueOptions;
  readonly #scope: HealthScope;
  /** In order of arrival. */
  readonly #ready = new Set<string>();
  /** Worked on or resting -> added anew meanwhile? */
  readonly #held = new Map<string, boolean>();
  readonly #backoffs = new Map<string, Backoff>();
  readonly #running = new Set<Promise<void>>();
  #active = 0;
  /** When the event loop turned last, as far as this queue knows. */
  #turnedMs: number;
  #signal: AbortSignal | undefined;

  constructor(work: (key: string, signal: AbortSignal) => Promise<void>, options: WorkQueueOptions) {
    this.#work = work;
    this.#options = options;
    this.#turnedMs = options.clock.monotonicMs();
    this.#scope = options.health.scope(options.name);
  }

  /** Keys waiting, worked on or resting. */
  get size(): number {
    return this.#ready.size + this.#held.size;
  }

  /** May be called before `run`; the key then waits for it. */
  add(key: string): void {
    if (this.#held.has(key)) this.#held.set(key, true);
    else this.#ready.add(key);
    this.#start();
  }

  /** Works until `signal` aborts, and returns when nothing is worked on any more. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    this.#start();
    await aborted(signal);
    await Promise.all(this.#running);
  }

  #start(): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    for (const key of this.#ready) {
      if (this.#active >= this.#options.concurrency || signal.aborted) return;
      this.#ready.delete(key);
      this.#held.set(key, false);
      this.#active++;
      const handling = this.#handle(key, signal).finally(() => this.#running.delete(handling));
      this.#running.add(handling);
    }
  }

  async #handle(key: string, signal: AbortSignal): Promise<void> {
    const restMs = await this.#attempt(key, signal);
    this.#active--;
    this.#start();
    if (restMs > 0) await this.#options.clock.sleep(restMs, signal);
    if (this.#held.get(key) === true) this.#ready.add(key);
    this.#held.delete(key);
    this.#start();
  }

  /** Returns how long the key rests now. */
  async #attempt(key: string, signal: AbortSignal): Promise<number> {
    try {
      await this.#turn();
      await this.#work(key, signal);
      this.#backoffs.delete(key);
      if (this.#backoffs.size === 0) this.#scope.ok();
      return this.#options.restMs;
    } catch (error) {
      if (isAborted(signal)) return 0;
      const reason = describeError(error);
      const waitMs = this.#backoffOf(key).next();
      this.#scope.degraded(reason);
      this.#options.log.warn({ job: this.#options.name, key, reason, waitMs }, 'work failed, will retry');
      this.#held.set(key, true);
      return waitMs;
    }
  }

  /** Lets others have the event loop, once in a while. */
  async #turn(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#turnedMs < sliceMs) return;
    await nextTurn();
    this.#turnedMs = clock.monotonicMs();
  }

  #backoffOf(key: string): Backoff {
    const known = this.#backoffs.get(key);
    if (known !== undefined) return known;
    const backoff = new Backoff({ baseMs: retryBaseMs, capMs: retryCapMs, random: this.#options.random });
    this.#backoffs.set(key, backoff);
    return backoff;
  }
}
