import type { KvReader, WatchBatch } from '@clustermesh/kvstore';
import type { Clock } from '@clustermesh/runtime';

type Watcher = Pick<KvReader, 'watch'>;

export interface ListingTurnsOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Enough that reading, decoding and waiting for a store overlap. */
  readonly atOnce?: number;
  /**
   * A turn that takes longer is over, and its listing goes on beside the next ones: where each cluster has a store of its
   * own, a slow one must not hold up the others (I1). Absent: all are read from one store, which more listings only slow down.
   */
  readonly longestMs?: number | undefined;
}

const defaultAtOnce = 4;

/** Counts the first time. */
type EndTurn = (how: 'listed' | 'too-long' | 'given-up') => void;

/**
 * Few listings at a time: each has up to two pages in memory and as much again of what is made of them, and a mesh of
 * hundreds of clusters, started or reconnected, wants a thousand.
 */
export class ListingTurns {
  readonly #options: ListingTurnsOptions;
  /** Urgent ones first: addresses wait for identities anyway (I2). */
  readonly #urgent: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Prefixes whose last listing took too long: they list beside the turns, as often as they come, until they are quick again. */
  readonly #slow = new Set<string>();
  #free: number;

  constructor(options: ListingTurnsOptions) {
    this.#options = options;
    this.#free = options.atOnce ?? defaultAtOnce;
  }

  /** The same watches; each begins when it is its turn, which ends with its listing. */
  inTurn(kv: Watcher, isUrgent: boolean): Watcher {
    const begin = (prefix: string, signal: AbortSignal): Promise<EndTurn> => this.#begin(prefix, isUrgent, signal);
    return {
      async *watch(prefix, options, signal): AsyncGenerator<WatchBatch> {
        const end = await begin(prefix, signal);
        try {
          if (signal.aborted) return;
          for await (const batch of kv.watch(prefix, options, signal)) {
            yield batch;
            if (batch.phase !== 'list') end('listed');
          }
        } finally {
          end('given-up');
        }
      },
    };
  }

  /** What ends the turn. */
  async #begin(prefix: string, isUrgent: boolean, signal: AbortSignal): Promise<EndTurn> {
    const isBeside = this.#slow.has(prefix);
    if (!isBeside && !(await this.#takeTurn(isUrgent, signal))) return () => undefined;
    const over = new AbortController();
    const end: EndTurn = (how) => {
      if (over.signal.aborted) return;
      over.abort();
      if (how === 'too-long') this.#slow.add(prefix);
      if (how === 'listed') this.#slow.delete(prefix);
      if (!isBeside) this.#next();
    };
    const { clock, longestMs } = this.#options;
    if (longestMs !== undefined) void clock.sleep(longestMs, over.signal).then(() => end('too-long'));
    return end;
  }

  /** False: aborted, and no turn is taken. */
  async #takeTurn(isUrgent: boolean, signal: AbortSignal): Promise<boolean> {
    if (this.#free === 0) return this.#wait(isUrgent ? this.#urgent : this.#waiting, signal);
    this.#free--;
    return true;
  }

  async #wait(queue: (() => void)[], signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const start = (): void => resolve(true);
    const leave = (): void => {
      const at = queue.indexOf(start);
      if (at < 0) return;
      queue.splice(at, 1);
      resolve(false);
    };
    queue.push(start);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const hasTurn = await promise;
    signal.removeEventListener('abort', leave);
    return hasTurn;
  }

  #next(): void {
    const start = this.#urgent.shift() ?? this.#waiting.shift();
    if (start === undefined) this.#free++;
    else start();
  }
}
