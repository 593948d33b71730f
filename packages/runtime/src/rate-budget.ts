import type { Clock } from './clock.ts';

export interface Rate {
  readonly perSecond: number;
  /** What may be spent at once after a pause. */
  readonly burst: number;
}

/**
 * So much a second, after a burst. Whoever takes more than there is waits until the debt of those before him is paid, so
 * that a large request is late but never starved. Credit is spent first, and for what is no fault of the spender.
 */
export class RateBudget {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  #rate: Rate;
  #balance: number;
  #credit = 0;
  #asOfMs: number;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #waitedMs = 0;

  constructor(rate: Rate, clock: Pick<Clock, 'monotonicMs' | 'sleep'>) {
    this.#clock = clock;
    this.#rate = rate;
    this.#balance = rate.burst;
    this.#asOfMs = clock.monotonicMs();
  }

  /** What may be taken now without anybody waiting for it. */
  get available(): number {
    this.#refill();
    return this.#credit + Math.max(0, this.#balance);
  }

  /** Who waits now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Time that somebody has waited, since the start. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  setRate(rate: Rate): void {
    this.#refill();
    this.#rate = rate;
    this.#balance = Math.min(this.#balance, rate.burst);
  }

  /** So much may be taken for nothing; a negative amount takes credit back as far as there is any. */
  addCredit(amount: number): void {
    this.#credit = Math.max(0, this.#credit + amount);
  }

  /** Resolves when it is this one's turn and nobody is in debt, or on abort. First come, first served. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => this.#take(amount, signal));
    this.#turn = turn;
    await turn;
  }

  async #take(amount: number, signal: AbortSignal): Promise<void> {
    const free = Math.min(this.#credit, amount);
    this.#credit -= free;
    const due = amount - free;
    if (due === 0) return;
    this.#refill();
    if (this.#balance <= 0) await this.#wait(signal);
    this.#balance -= due;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    this.#waiting++;
    try {
      while (this.#balance <= 0 && !signal.aborted) {
        // Once a second at least: the rate may be raised meanwhile.
        const waitMs = Math.min(1_000, Math.ceil(((1 - this.#balance) * 1_000) / this.#rate.perSecond));
        await this.#clock.sleep(waitMs, signal);
        this.#refill();
      }
    } finally {
      this.#waiting--;
      this.#waitedMs += this.#clock.monotonicMs() - startMs;
    }
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#asOfMs) * this.#rate.perSecond) / 1_000;
    this.#balance = Math.min(this.#rate.burst, this.#balance + earned);
    this.#asOfMs = nowMs;
  }
}
