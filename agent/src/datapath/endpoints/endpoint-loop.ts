import { Backoff, retryLoop, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { ChangeSignal } from '../../change-signal.ts';
import type { Devices } from './devices.ts';
import type { EndpointReconciler } from './endpoint-reconciler.ts';

export interface EndpointLoopOptions {
  readonly reconciler: EndpointReconciler;
  readonly changes: ChangeSignal;
  readonly devices: Pick<Devices, 'watch' | 'problems'>;
  /** Every pod of the node is known. */
  readonly arePodsKnown: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** Events of the network come in swarms: this much later they are looked at together. */
const gatherMs = 100;
/** Where they do not end (routes that flap), at most once in this time. */
const calmMs = 1_000;
/** What happens inside a pod's network namespace no event tells: while an interface is missing, at first after this. */
const firstRetryMs = 100;
/** Whatever no event told of. */
const resyncMs = 30_000;
const backoffCapMs = 30_000;

/** Keeps this node's endpoints as pods, identities and interfaces are. */
export class EndpointLoop {
  readonly #options: EndpointLoopOptions;
  #told = '';

  constructor(options: EndpointLoopOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll([(inner) => this.#reconcile(inner), (inner) => this.#watch(inner)], signal);
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { reconciler, arePodsKnown, random } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
    const follow = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      let retryMs = firstRetryMs;
      while (!inner.aborted) {
        await reconciler.reconcile(arePodsKnown(), inner);
        progressed();
        this.#tellProblems();
        const isWaiting = reconciler.pending.some(({ needsPolling }) => needsPolling);
        const hasChanged = await this.#wait(isWaiting ? retryMs : resyncMs, inner);
        retryMs = hasChanged || !isWaiting ? firstRetryMs : Math.min(2 * retryMs, resyncMs);
      }
    };
    await retryLoop(follow, { ...this.#options, name: 'endpoints', backoff }, signal);
  }

  /** Once each: they are in the status all the time. */
  #tellProblems(): void {
    const { devices, log } = this.#options;
    const problems = devices.problems.join('; ');
    if (problems !== '' && problems !== this.#told) log.warn({ reason: problems }, 'pods’ interfaces need attention');
    this.#told = problems;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { devices, changes, clock } = this.#options;
    let hasNews = false;
    let isGathering = false;
    const gather = async (): Promise<void> => {
      isGathering = true;
      await clock.sleep(gatherMs, signal);
      while (hasNews && !signal.aborted) {
        hasNews = false;
        changes.raise();
        await clock.sleep(calmMs, signal);
      }
      isGathering = false;
    };
    const onChange = (): void => {
      hasNews = true;
      if (!isGathering) void gather();
    };
    await devices.watch(onChange, this.#options, signal);
  }

  /** True when something changed; false after so long. */
  async #wait(ms: number, signal: AbortSignal): Promise<boolean> {
    const { changes, clock } = this.#options;
    const first = new AbortController();
    const both = AbortSignal.any([signal, first.signal]);
    const hasChanged = await Promise.race([
      changes.wait(both).then(() => true),
      clock.sleep(ms, both).then(() => false),
    ]);
    first.abort();
    return hasChanged;
  }
}
