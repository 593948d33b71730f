/** Lets loops wait until something has changed. A wake-up that nobody waits for costs nothing. */
export class WakeUp {
  #waiter: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next `wake`; look at the state first, in the same turn. */
  wait(): Promise<void> {
    this.#waiter ??= Promise.withResolvers();
    return this.#waiter.promise;
  }

  wake(): void {
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }

  /** Until `isDone`, asked after every wake-up, or until abort. */
  async until(isDone: () => boolean, signal: AbortSignal): Promise<void> {
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!isDone() && !signal.aborted) await this.wait();
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }
}
