import type { Clock } from '@clustermesh/runtime';

/** Reading a whole kind again costs: not more often than this. */
const retryMs = 30_000;
/** Of the limit; a cluster that comes and goes at its limit is not read again for each entry that goes. */
const slack = 0.02;

/** Entries of one kind and cluster that nobody had room for: offered again when there may be some. */
export class NoRoom {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #limit: number;
  /** Believed, but the map that they need was full. */
  readonly #keys = new Set<string>();
  /** Refused because of the limit, since they were last read all together. */
  #overLimit = 0;
  #triedMs = -Infinity;

  constructor(clock: Pick<Clock, 'monotonicMs'>, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** `refused`: how many of the kind are refused at all, for whatever reason. */
  count(refused: number): number {
    return this.#keys.size + Math.min(this.#overLimit, refused);
  }

  add(key: string): void {
    this.#triedMs = this.#clock.monotonicMs();
    this.#keys.add(key);
  }

  overLimit(): void {
    this.#triedMs = this.#clock.monotonicMs();
    this.#overLimit++;
  }

  /** It has found room, or is gone. */
  placed(key: string): void {
    this.#keys.delete(key);
  }

  /** May there be room now? `size`: entries that count towards the limit; `hasRoom`: in the maps that they need. */
  isDue(size: number, hasRoom: boolean): boolean {
    if (this.#clock.monotonicMs() - this.#triedMs < retryMs) return false;
    if (this.#keys.size > 0 && hasRoom) return true;
    return this.#overLimit > 0 && this.#limit - size >= Math.min(this.#overLimit, this.#limit * slack);
  }

  /** Those to offer again; all that were over the limit are as well. */
  takeKeys(): readonly string[] {
    const keys = [...this.#keys];
    this.clear();
    this.#triedMs = this.#clock.monotonicMs();
    return keys;
  }

  clear(): void {
    this.#keys.clear();
    this.#overLimit = 0;
  }
}
