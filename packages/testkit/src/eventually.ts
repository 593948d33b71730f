export interface EventuallyOptions {
  /** Default 20 s: generous, because a passing test does not wait for it. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Runs `assertion` until it passes; at the deadline fails with what it last said. For tests against real servers
 * only: unit tests have a FakeClock.
 */
export async function eventually<T>(assertion: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 20_000, intervalMs = 10 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  }
}
