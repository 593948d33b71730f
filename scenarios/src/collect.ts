import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError } from '@clustermesh/runtime';

import type { Provider } from './provider.ts';
import type { Topology } from './topology.ts';

const looks = [
  'status',
  'inspect clusters',
  'inspect services',
  'inspect backends',
  'inspect ipcache',
  'inspect nodes',
] as const;

/** Everything that helps to find the cause of a failure: logs, and what each cluster shows of itself, in one directory. */
export async function collect(provider: Provider, { clusters }: Topology, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true }); // of an earlier run
  await mkdir(directory, { recursive: true });
  await Promise.all([
    attempt(join(directory, 'logs.txt'), async () => {
      await provider.collectLogs(join(directory, 'logs'));
      return 'logs: in the directory beside this file\n';
    }),
    ...clusters.flatMap(({ name }) =>
      looks.map((look) =>
        attempt(join(directory, `${name}-${look.replace(' ', '-')}.txt`), async () => {
          const { stdout, stderr } = await provider.clustermesh([...look.split(' '), '--context', name]);
          return stdout + stderr;
        }),
      ),
    ),
  ]);
}

/** One thing that cannot be had must not keep the others from being had. */
async function attempt(file: string, look: () => Promise<string>): Promise<void> {
  const text = await look().catch((error: unknown) => `${describeError(error)}\n`);
  await writeFile(file, text);
}
