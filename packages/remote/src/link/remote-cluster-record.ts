import { isMeshError } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger } from '@clustermesh/runtime';
import type { ClusterConfig } from '@clustermesh/wire';

import { failureLine } from './failure-line.ts';
import { nextState } from './remote-cluster-state.ts';
import type { RemoteClusterEvent, RemoteClusterState } from './remote-cluster-state.ts';

export interface LastFailure {
  /** Wall clock, milliseconds. */
  readonly atMs: number;
  readonly code: string;
  /** One line for people: what is wrong and, where it is known, what to do. */
  readonly reason: string;
}

export interface RecordDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly health: HealthScope;
  readonly log: Logger;
}

/** What is remembered of a remote cluster's life: its state, its failures, its newest config. */
export class RemoteClusterRecord {
  readonly #deps: RecordDeps;
  #state: RemoteClusterState = 'connecting';
  #config: ClusterConfig | undefined;
  #wasReady = false;
  #failures = 0;
  #failuresInRow = 0;
  #lastFailure: LastFailure | undefined;

  constructor(deps: RecordDeps) {
    this.#deps = deps;
  }

  get state(): RemoteClusterState {
    return this.#state;
  }

  get config(): ClusterConfig | undefined {
    return this.#config;
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Since the last valid cluster config. */
  get failuresInRow(): number {
    return this.#failuresInRow;
  }

  get lastFailure(): LastFailure | undefined {
    return this.#lastFailure;
  }

  happened(event: RemoteClusterEvent): void {
    const before = this.#state;
    this.#state = nextState(before, event);
    if (this.#state === before) return;
    if (this.#state === 'ready') {
      this.#wasReady = true;
      this.#deps.health.ok();
    }
    this.#deps.log.info({ from: before, to: this.#state, event }, 'remote cluster changed state');
  }

  configured(config: ClusterConfig): void {
    this.#config = config;
    this.#failuresInRow = 0;
    this.happened('configured');
  }

  failed(error: unknown, event: 'failed' | 'file-unusable'): void {
    const code = isMeshError(error) ? error.code : 'INTERNAL';
    const reason = failureLine(error);
    this.#failures++;
    this.#failuresInRow++;
    this.#lastFailure = { atMs: this.#deps.clock.now(), code, reason };
    this.#deps.health.degraded(reason);
    this.#deps.log.warn({ code, reason, failures: this.#failuresInRow }, 'remote cluster failed');
    this.happened(event);
  }
}
