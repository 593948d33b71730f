/** Wakes one waiting loop; changes that come while it works are one wake-up. */
export class ChangeSignal {
  #isRaised = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#isRaised = true;
    this.#wake?.();
  }

  /** Until something changed since the last return, or abort. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isRaised && !signal.aborted) await this.#raised(signal);
    this.#isRaised = false;
  }

  async #raised(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers();
    const wake = (): void => resolve(undefined);
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
    this.#wake = undefined;
  }
}
