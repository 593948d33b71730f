/** Asks anew each time: the compiler takes `signal.aborted`, once seen false, for false ever after. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Resolves when `signal` aborts, at once when it has: for loops that only wait, and to race what may never come. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** One for all: each of its own costs a stack trace, and nobody reads it. */
const over = new DOMException('This operation was aborted', 'AbortError');

/**
 * A signal that aborts with its parent, and before it when told so. For what is made often or in thousands: it costs a
 * listener where `AbortSignal.any` costs weak references, a registration of both ends, and their collection.
 */
export class ScopedAbort implements Disposable {
  readonly #stop = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow = (): void => this.#stop.abort(this.#parent.reason);

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  abort(): void {
    this.#stop.abort(over);
  }

  /** Aborts too: whoever still has the signal would never hear of the parent. */
  [Symbol.dispose](): void {
    this.#parent.removeEventListener('abort', this.#follow);
    this.abort();
  }
}
