import { Backoff, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { ChangeSignal } from '../change-signal.ts';
import type { EndpointReconciler } from './endpoint-reconciler.ts';

export interface EndpointLoopOptions {
  readonly reconciler: EndpointReconciler;
  readonly changes: ChangeSignal;
  /** Every pod of the node is known. */
  readonly arePodsKnown: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** While a pod's interface is missing. */
const pendingMs = 1_000;
/** Interfaces come and go without Kubernetes telling. */
const resyncMs = 30_000;
const backoffCapMs = 30_000;

/** Keeps this node's endpoints as pods, identities and interfaces are. */
export class EndpointLoop {
  readonly #options: EndpointLoopOptions;

  constructor(options: EndpointLoopOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { reconciler, arePodsKnown, random } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
    const follow = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      while (!inner.aborted) {
        await reconciler.reconcile(arePodsKnown(), inner);
        progressed();
        const isWaiting = reconciler.pending.some(({ needsPolling }) => needsPolling);
        await this.#wait(isWaiting ? pendingMs : resyncMs, inner);
      }
    };
    await retryLoop(follow, { ...this.#options, name: 'endpoints', backoff }, signal);
  }

  /** Until something changed, or for so long. */
  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { changes, clock } = this.#options;
    const first = new AbortController();
    const both = AbortSignal.any([signal, first.signal]);
    await Promise.race([changes.wait(both), clock.sleep(ms, both)]);
    first.abort();
  }
}
