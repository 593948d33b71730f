import { ok } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';
import { join } from 'node:path';

import { ContainerRunner } from '../kubelet/container-runner.ts';
import type { Place } from '../mesh-plan.ts';
import type { ProcessRunner } from '../process/process-runner.ts';
import { nodeEnv } from '../workspace.ts';

/** A program of the lab itself, outside any pod. */
export interface ServiceProgram {
  readonly name: string;
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
  program: ServiceProgram,
  deps: ServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, argv, place } = program;
  const service = new ContainerRunner(
    { name, image: name },
    {
      ...deps,
      place,
      command: () => ok({ argv, env: nodeEnv }),
      logFile: join(deps.stateDir, 'logs', `${name}.log`),
      recordFile: join(deps.stateDir, 'services', `${name}.json`),
      changed: () => undefined,
    },
  );
  await service.run('Always', signal);
}
