import { Backoff, every, retryLoop, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { ChangeSignal } from '../change-signal.ts';
import type { Pacer } from '../ingest/pacer.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import type { IpcacheProgrammer } from './addresses/ipcache-programmer.ts';
import type { ServiceProgrammer } from './services/service-programmer.ts';
import { serviceBatch } from './services/service-reconciler.ts';
import type { ServiceReconciler } from './services/service-reconciler.ts';

export interface ProgramLoopOptions {
  readonly state: MeshState;
  readonly changes: ChangeSignal;
  readonly addresses: IpcacheProgrammer;
  readonly services: ServiceReconciler;
  readonly programmer: ServiceProgrammer;
  /** Our own services are known: before that a missing one proves nothing. */
  readonly areServicesKnown: () => boolean;
  /** Addresses in the maps have changed. */
  readonly onAddresses: () => void;
  readonly metrics: Pick<AgentMetrics, 'observeProgramming'>;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

const maintenanceMs = 1_000;
/** What there was no room for is tried again at every so many maintenance rounds. */
const retryRounds = 10;
const backoffCapMs = 30_000;

/** The one writer of the service and address maps: brings them to what the tables say, in the order that I2 asks for. */
export class ProgramLoop {
  readonly #options: ProgramLoopOptions;
  #hasSwept = false;
  #maintenanceRounds = 0;

  constructor(options: ProgramLoopOptions) {
    this.#options = options;
  }

  /** All of our own services have been programmed once, and frontends that are none of them removed. */
  get hasSwept(): boolean {
    return this.#hasSwept;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random, changes } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
    const program = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      while (!inner.aborted) {
        await this.#round();
        progressed();
        await changes.wait(inner);
      }
    };
    await runAll(
      [
        (inner) => retryLoop(program, { ...this.#options, name: 'datapath', backoff }, inner),
        (inner) =>
          every(maintenanceMs, () => this.#maintain(), { ...this.#options, name: 'datapath/maintenance' }, inner),
      ],
      signal,
    );
  }

  /** New addresses, then the services that use them, then the addresses that nothing uses any more. */
  async #round(): Promise<void> {
    const { state, addresses, pacer } = this.#options;
    do {
      const sinceMs = state.takeAddressesSinceMs();
      state.reconsider();
      while (addresses.applyUpserts()) await pacer.pause();
      if (sinceMs !== undefined) {
        this.#observe('address', sinceMs);
        this.#options.onAddresses();
      }
      this.#programServices();
      await pacer.pause();
    } while (state.ipcache.hasChanges || state.ipcache.isReconsidering || this.#hasServiceWork);
    while (addresses.applyRemovals()) await pacer.pause();
  }

  get #hasServiceWork(): boolean {
    return this.#options.areServicesKnown() && this.#options.state.services.hasChanges;
  }

  #programServices(): void {
    const { state, services, areServicesKnown } = this.#options;
    if (!areServicesKnown()) return;
    const taken = state.services.takeChanges(serviceBatch);
    try {
      services.apply(taken);
    } catch (error) {
      for (const { name } of taken) state.services.touch(name);
      throw error;
    }
    for (const { sinceMs } of taken) this.#observe('service', sinceMs);
    if (this.#hasSwept || state.services.hasChanges) return;
    services.sweep();
    this.#hasSwept = true;
  }

  async #maintain(): Promise<void> {
    const { programmer, state, addresses, services, pacer, log, health } = this.#options;
    while (programmer.reclaim()) await pacer.pause();
    state.nodeIndexes.reclaim();
    state.services.remote.tick();
    const problem = addresses.problem ?? [...services.problems.values()][0];
    const scope = health.scope('datapath/room');
    if (problem === undefined) scope.ok();
    else scope.degraded(problem);
    if (++this.#maintenanceRounds % retryRounds !== 0 || problem === undefined) return;
    log.warn({ reason: problem }, 'not everything is programmed');
    addresses.retryRefused();
    for (const name of services.refused()) state.services.touch(name);
    state.changed();
  }

  #observe(kind: 'service' | 'address', sinceMs: number): void {
    this.#options.metrics.observeProgramming(kind, (this.#options.clock.monotonicMs() - sinceMs) / 1000);
  }
}
