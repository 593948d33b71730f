import type { Clock } from './clock.ts';

export type HealthState = 'ok' | 'degraded' | 'stopped';

export interface HealthEntry {
  readonly name: string;
  readonly state: HealthState;
  readonly reason: string;
  /** Wall clock, milliseconds: since when it is in this state. */
  readonly since: number;
}

export interface HealthScope {
  ok(): void;
  degraded(reason: string): void;
  stopped(reason: string): void;
  /** The thing is gone on purpose (a removed cluster): its entry disappears. */
  remove(): void;
}

/** What every long-lived job of a process says of itself, by name. */
export class Health {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #entries = new Map<string, HealthEntry>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  scope(name: string): HealthScope {
    return {
      ok: () => this.#set(name, 'ok', ''),
      degraded: (reason) => this.#set(name, 'degraded', reason),
      stopped: (reason) => this.#set(name, 'stopped', reason),
      remove: () => void this.#entries.delete(name),
    };
  }

  report(): readonly HealthEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Alive unless something stopped for good: degraded jobs retry by themselves, and a restart would not help. */
  get isAlive(): boolean {
    return ![...this.#entries.values()].some((entry) => entry.state === 'stopped');
  }

  #set(name: string, state: HealthState, reason: string): void {
    const before = this.#entries.get(name);
    const since = before?.state === state ? before.since : this.#clock.now();
    this.#entries.set(name, { name, state, reason, since });
  }
}
