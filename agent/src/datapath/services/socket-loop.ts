import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { ChangeSignal } from '../../change-signal.ts';
import type { Sockets } from './sockets.ts';

export interface SocketLoopOptions {
  readonly sockets: Sockets;
  /** Backends have gone for good. */
  readonly changes: ChangeSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** A search looks at every socket of the node: however many backends come and go, it takes a small part of the time. */
const leastPauseMs = 1_000;
const pausePerSearch = 20;
const backoffCapMs = 30_000;

/** Ends connections to backends that are gone: a client would wait for an answer until its time-outs. */
export class SocketLoop {
  readonly #options: SocketLoopOptions;

  constructor(options: SocketLoopOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { sockets, changes, clock, random } = this.#options;
    const backoff = new Backoff({ baseMs: leastPauseMs, capMs: backoffCapMs, random });
    const follow = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      // The first time without a change: a predecessor may have ended before it could.
      while (!inner.aborted) {
        const startedMs = clock.monotonicMs();
        await sockets.endOrphans(inner);
        progressed();
        const tookMs = clock.monotonicMs() - startedMs;
        await clock.sleep(Math.max(leastPauseMs, tookMs * pausePerSearch), inner);
        await changes.wait(inner);
      }
    };
    await retryLoop(follow, { ...this.#options, name: 'sockets', backoff }, signal);
  }
}
