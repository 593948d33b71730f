import type { WorkQueue } from '../work-queue.ts';

/** Puts what there was at the start into a queue, and tells when each of it has been worked on once. */
export class FirstRound {
  readonly #done: () => void;
  readonly #left = new Set<string>();

  constructor(done: () => void) {
    this.#done = done;
  }

  start(keys: Iterable<string>, queue: Pick<WorkQueue, 'add'>): void {
    for (const key of keys) this.#left.add(key);
    if (this.#left.size === 0) this.#done();
    for (const key of [...this.#left]) queue.add(key);
  }

  worked(key: string): void {
    if (this.#left.delete(key) && this.#left.size === 0) this.#done();
  }
}
