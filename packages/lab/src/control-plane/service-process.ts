import type { ContainerState } from '@clustermesh/kube';
import { ok } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';
import { join } from 'node:path';

import { ContainerRunner } from '../kubelet/container-runner.ts';
import type { Place } from '../mesh-plan.ts';
import type { ProcessRunner } from '../process/process-runner.ts';
import { servicesDirectory } from '../supervisor/lab-state.ts';
import { nodeEnv } from '../workspace.ts';

/** A program of the lab itself, outside any pod. */
export interface ServiceProgram {
  /** Unique in its cluster, or among those that belong to none. */
  readonly name: string;
  readonly cluster?: string;
  readonly argv: readonly string[];
  readonly place: Place;
}

export interface ServiceDeps {
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly random: Random;
  readonly stateDir: string;
  readonly troubles: ServiceTroubles;
}

/** The programs outside of pods that should run and do not, for people. */
export class ServiceTroubles {
  readonly #whyByName = new Map<string, string>();

  get reasons(): readonly string[] {
    return [...this.#whyByName].map(([name, why]) => `${name} ${why}`);
  }

  report(name: string, { waiting, terminated }: ContainerState): void {
    if (waiting?.message !== undefined) this.#whyByName.set(name, `does not start: ${waiting.message}`);
    else if (terminated !== undefined) {
      this.#whyByName.set(name, `ended with exit code ${terminated.exitCode} and is started again`);
    } else this.#whyByName.delete(name);
  }
}

/** Keeps it running (the same way as a container: adopted, restarted, logged) until `signal` aborts. */
export async function keepServiceRunning(
  service: ServiceProgram,
  deps: ServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, cluster, argv, place } = service;
  const container: ContainerRunner = new ContainerRunner(
    { name, image: name },
    {
      ...deps,
      place,
      command: () => ok({ argv, env: nodeEnv }),
      logFile: join(deps.stateDir, 'logs', `${cluster === undefined ? '' : `${cluster}-`}${name}.log`),
      recordFile: join(servicesDirectory(deps.stateDir, cluster), `${name}.json`),
      program: { name },
      changed: () => deps.troubles.report(name, container.view.state),
    },
  );
  await container.run('Always', signal);
}
