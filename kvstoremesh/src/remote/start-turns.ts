import type { Clock } from '@clustermesh/runtime';

/** More at a time end no sooner: they share one processor, and the memory of half-made starts adds up. */
const atATime = 24;
/** So long is waited for who does not answer: a dead cluster delays others by this, and only while hundreds start (I1). */
const longestTurnMs = 2_000;

/** Remote clusters start a few at a time, each until it is mirrored, has failed, or has had its time (docs/adr/0206). */
export class StartTurns {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #waiting = new Set<() => void>();
  #free = atATime;

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  /** Resolves when it is our turn, with what ends it; or on abort. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else if (!(await this.#called(signal))) return () => undefined;
    const ended = new AbortController();
    ended.signal.addEventListener('abort', () => this.#next(), { once: true });
    const end = (): void => ended.abort();
    void this.#clock.sleep(longestTurnMs, ended.signal).then(end);
    return end;
  }

  /** False on abort, before it was our turn. */
  #called(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const decide = (isTurn: boolean): void => {
        this.#waiting.delete(call);
        signal.removeEventListener('abort', leave);
        resolve(isTurn);
      };
      const call = (): void => decide(true);
      const leave = (): void => decide(false);
      this.#waiting.add(call);
      signal.addEventListener('abort', leave);
      if (signal.aborted) leave();
    });
  }

  #next(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free++;
    else next();
  }
}
