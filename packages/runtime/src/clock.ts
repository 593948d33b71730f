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
  // Not `timers/promises`, which makes an error with its stack for each sleep that is cut short.
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      if (signal?.aborted === true) wake();
      else signal?.addEventListener('abort', wake, { once: true });
    }),
};
