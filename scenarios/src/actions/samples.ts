import { secrets } from '@clustermesh/kube';
import { z } from 'zod';

import { clusterNames } from '../reference.ts';
import type { SamplesChange } from '../provider.ts';
import type { ActionVerb } from '../verb.ts';

/** Where `connect` writes links, too. */
const links = { namespace: 'kube-system', name: 'clustermesh-kvstoremesh' };

const linkParams = z.strictObject({ clusters: clusterNames });

export const linkSamples: ActionVerb<z.output<typeof linkParams>> = {
  name: 'linkSamples',
  summary:
    'gives clusters the files to read all samples with, as `connect` does where there is a Kubernetes API to ask',
  params: linkParams,
  clusters: ({ clusters }) => clusters,
  commands: ({ clusters }) =>
    clusters.map(
      (cluster) =>
        `kubectl --context ${cluster} -n ${links.namespace} patch secret ${links.name} --type merge -p '{"data":{…}}'`,
    ),
  perform: async ({ clusters }, { provider }) => {
    const files = Object.entries(await provider.samples().linkFiles());
    const data = Object.fromEntries(files.map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
    for (const cluster of clusters) await provider.kube(cluster).patch(secrets, links, { data }, { kind: 'merge' });
  },
};

const changeParams = z
  .strictObject({
    put: z.record(z.string(), z.string()).optional(),
    delete: z.array(z.string()).optional(),
    heartbeat: z.boolean().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'changes nothing');

export const samples: ActionVerb<SamplesChange> = {
  name: 'samples',
  summary: 'puts and deletes keys in the etcd of the samples, or has its `heartbeat` stop (false) or go on (true)',
  params: changeParams,
  clusters: () => [],
  commands: ({ put = {}, delete: gone = [], heartbeat }) => [
    ...Object.entries(put).map(([key, value]) => `etcdctl put ${key} '${value}'`),
    ...gone.map((key) => `etcdctl del ${key}`),
    ...(heartbeat === undefined ? [] : [`# the heartbeat ${heartbeat ? 'goes on' : 'stops'}`]),
  ],
  perform: async (change, { provider }) => provider.samples().change(change),
};
