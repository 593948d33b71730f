import type { Clock } from '@clustermesh/runtime';
import { parseRfc3339 } from '@clustermesh/wire';
import type { Freshness } from '@clustermesh/wire';

/**
 * How long ago a cluster was last heard of, though the clocks of the writer and of this node need not agree. What is
 * written while we read tells what the writer's clock shows now: from then on its times are counted by our own clock.
 * Until then, of what was there before us, the two clocks are taken to agree; an age is never below zero.
 */
export class ContactAge {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  #freshness: Freshness | undefined;
  #hasVanished = false;
  /** Our monotonic clock minus the writer's wall clock, milliseconds. */
  #offsetMs: number | undefined;

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The last that was written, also after it has vanished. */
  get freshness(): Freshness | undefined {
    return this.#freshness;
  }

  get hasVanished(): boolean {
    return this.#hasVanished;
  }

  /** Milliseconds; `undefined` when nobody knows: the mirror does not tell, or never reached the cluster. */
  get ms(): number | undefined {
    const lastMs = parseRfc3339(this.#freshness?.lastContact ?? '');
    if (lastMs === undefined) return undefined;
    const offsetMs = this.#offsetMs ?? this.#clock.monotonicMs() - this.#clock.now();
    return Math.max(0, this.#clock.monotonicMs() - lastMs - offsetMs);
  }

  /** `isLive`: it was written just now, not before we began to read. */
  heard(freshness: Freshness, isLive: boolean): void {
    this.#freshness = freshness;
    this.#hasVanished = false;
    const writtenMs = parseRfc3339(freshness.writtenAt);
    if (isLive && writtenMs !== undefined) this.#offsetMs = this.#clock.monotonicMs() - writtenMs;
  }

  /** Its key is gone. That is no news of the cluster: what was known grows older. */
  vanished(): void {
    this.#hasVanished = this.#freshness !== undefined;
  }
}
