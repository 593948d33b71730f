import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { clusterNames } from '../reference.ts';
import { mustRunClustermesh, saidBy } from '../run.ts';
import type { ActionVerb } from '../verb.ts';

const names = clusterNames.min(2);
const connectParams = z.union([
  names.transform((clusters) => ({ clusters, refused: undefined })),
  z.strictObject({
    clusters: names,
    /** Words of the refusal: the command must fail, with them. */
    refused: z.string(),
  }),
]);

export const connect: ActionVerb<z.output<typeof connectParams>> = {
  name: 'connect',
  summary: 'joins clusters, each with each; with `refused`, the command must refuse to, in these words',
  params: connectParams,
  clusters: ({ clusters }) => clusters,
  commands: ({ clusters }) => [`clustermesh ${connectArgv(clusters).join(' ')}`],
  perform: async ({ clusters, refused }, run) => {
    const argv = connectArgv(clusters);
    if (refused === undefined) {
      await mustRunClustermesh(run, argv);
      return;
    }
    const result = await run.provider.clustermesh(argv);
    if (result.exitCode !== 0 && saidBy(result).includes(refused)) return;
    const said = `exit code ${result.exitCode}, ${saidBy(result)}`;
    throw new MeshError('COMMAND_FAILED', `clustermesh ${argv.join(' ')} did not refuse with "${refused}": ${said}`);
  },
};

const disconnectParams = z.strictObject({
  from: z.string(),
  cluster: z.string(),
  /** One-sided: the other cluster is not asked, as it may be gone. */
  byName: z.boolean().default(false),
});

export const disconnect: ActionVerb<z.output<typeof disconnectParams>> = {
  name: 'disconnect',
  summary: 'parts two clusters; `byName: true` only makes `from` forget the other, which may be gone',
  params: disconnectParams,
  clusters: ({ from, cluster }) => [from, cluster],
  commands: (params) => [`clustermesh ${disconnectArgv(params).join(' ')}`],
  perform: async (params, run) => {
    await mustRunClustermesh(run, disconnectArgv(params));
  },
};

function connectArgv([first = '', ...others]: readonly string[]): readonly string[] {
  const destinations = others.flatMap((name) => ['--destination-context', name]);
  return ['connect', '--context', first, ...destinations, '--connection-mode', 'mesh'];
}

function disconnectArgv({ from, cluster, byName }: z.output<typeof disconnectParams>): readonly string[] {
  return ['disconnect', '--context', from, byName ? '--destination-cluster' : '--destination-context', cluster];
}
