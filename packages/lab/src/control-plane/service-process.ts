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
}

/** Keeps it running (the same way as a container: adopted, restarted, logged) until `signal` aborts. */
export async function keepServiceRunning(
  service: ServiceProgram,
  deps: ServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, cluster, argv, place } = service;
  const container = new ContainerRunner(
    { name, image: name },
    {
      ...deps,
      place,
      command: () => ok({ argv, env: nodeEnv }),
      logFile: join(deps.stateDir, 'logs', `${cluster === undefined ? '' : `${cluster}-`}${name}.log`),
      recordFile: join(servicesDirectory(deps.stateDir, cluster), `${name}.json`),
      program: { name },
      changed: () => undefined,
    },
  );
  await container.run('Always', signal);
}
