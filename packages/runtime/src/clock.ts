import { setTimeout as timeout } from 'node:timers/promises';

/** Time, injected everywhere (I8): nothing else in the product reads a clock or sets a timer. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; never use it for durations. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary origin: for durations and deadlines. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts: being stopped is no error. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await timeout(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if ((error as { name?: string }).name !== 'AbortError') throw error;
    }
  },
};
