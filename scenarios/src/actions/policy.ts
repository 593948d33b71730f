import type { KubeObject } from '@clustermesh/kube';
import { z } from 'zod';

import { parseManifest } from '../manifests.ts';
import { podAddress, tellPodAddress } from '../pod-address.ts';
import { clusterNames } from '../reference.ts';
import type { Run } from '../run.ts';
import type { ActionVerb } from '../verb.ts';
import { createOrUpdate, deleteIfThere } from './objects.ts';

const params = z.strictObject({ clusters: clusterNames, yaml: z.string() });
type Params = z.output<typeof params>;

/** `${IP west/shop/web}` in the text is the address of a pod. */
const addressPattern = /\$\{IP ([a-z0-9-]+)\/([a-z0-9-]+\/[a-z0-9-]+)\}/g;

export const policy: ActionVerb<Params> = {
  name: 'policy',
  summary:
    'applies policies, `yaml`, for the time of the step: they are deleted when it is over; `${CLUSTER}` is the cluster, `${IP west/shop/web}` the address of a pod',
  params,
  clusters: ({ clusters, yaml }) => [...clusters, ...[...yaml.matchAll(addressPattern)].map(([, of = '']) => of)],
  commands: ({ clusters, yaml }) => {
    const text = yaml.replaceAll(addressPattern, (_, cluster: string, pod: string) => tellPodAddress({ cluster, pod }));
    return [
      `for CLUSTER in ${clusters.join(' ')}; do kubectl --context $CLUSTER apply -f - <<EOF\n${text.trim()}\nEOF\ndone`,
    ];
  },
  perform: async ({ clusters, yaml }, run) => {
    const text = await withAddresses(yaml, run);
    await forEach({ clusters, yaml: text }, (cluster, object) => createOrUpdate(run, cluster, object));
  },
  undo: {
    commands: ({ clusters, yaml }) =>
      clusters.flatMap((cluster) => parseManifest(yaml, cluster).map((object) => tellDelete(cluster, object))),
    perform: (wanted, run) => forEach(wanted, (cluster, object) => deleteIfThere(run, cluster, object)),
  },
};

function tellDelete(cluster: string, { kind = '', metadata: { namespace, name } }: KubeObject): string {
  const where = namespace === undefined ? '' : ` -n ${namespace}`;
  return `kubectl --context ${cluster}${where} delete ${kind.toLowerCase()} ${name}`;
}

async function forEach(
  { clusters, yaml }: Params,
  what: (cluster: string, object: KubeObject) => Promise<void>,
): Promise<void> {
  await Promise.all(
    clusters.map(async (cluster) => {
      for (const object of parseManifest(yaml, cluster)) await what(cluster, object);
    }),
  );
}

async function withAddresses(yaml: string, { provider }: Run): Promise<string> {
  let text = yaml;
  for (const [reference, cluster = '', pod = ''] of yaml.matchAll(addressPattern)) {
    text = text.replaceAll(reference, await podAddress(provider.kube(cluster), { cluster, pod }));
  }
  return text;
}
