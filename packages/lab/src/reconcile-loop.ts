import { Backoff, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Logger, Random } from '@clustermesh/runtime';

export interface LoopDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Level-based: runs `reconcile` after each trigger, never twice at a time, once for any number of triggers that
 * came meanwhile. A failure runs it again, later and later.
 */
export class ReconcileLoop {
  readonly #name: string;
  readonly #reconcile: (signal: AbortSignal) => Promise<void>;
  readonly #deps: LoopDeps;
  readonly #backoff: Backoff;
  #isDirty = false;
  #wake: (() => void) | undefined;

  constructor(name: string, reconcile: (signal: AbortSignal) => Promise<void>, deps: LoopDeps) {
    this.#name = name;
    this.#reconcile = reconcile;
    this.#deps = deps;
    this.#backoff = new Backoff({ baseMs: 100, capMs: 5000, random: deps.random });
  }

  trigger(): void {
    this.#isDirty = true;
    this.#wake?.();
  }

  /** Ends when `signal` aborts; a trigger that was not yet served by then is forgotten. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#isDirty) await this.#triggered(signal);
      else await this.#runOnce(signal);
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    this.#isDirty = false;
    try {
      await this.#reconcile(signal);
      this.#backoff.reset();
    } catch (error) {
      if (isAborted(signal)) return;
      const waitMs = this.#backoff.next();
      this.#deps.log.warn({ job: this.#name, reason: describeError(error), waitMs }, 'reconcile failed, will retry');
      this.#isDirty = true;
      await this.#deps.clock.sleep(waitMs, signal);
    }
  }

  #triggered(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
