import { endpointSlices } from '@clustermesh/kube';
import { z } from 'zod';

import { clusterNames, namespaced, refOf } from '../reference.ts';
import { clustermeshJson } from '../run.ts';
import type { Run } from '../run.ts';
import type { ExpectationVerb } from '../verb.ts';
import { readStatus } from './mesh-state.ts';

const params = z.strictObject({ clusters: clusterNames, service: namespaced });

const backendsOutput = z.array(
  z.object({ node: z.string(), service: z.string(), address: z.string(), state: z.string() }),
);

export const converged: ExpectationVerb<z.output<typeof params>> = {
  name: 'converged',
  summary:
    'each of the clusters sees all others ready and has no problem, and each of its nodes has as backends of a Service exactly the ready endpoints of all of them',
  params,
  clusters: ({ clusters }) => clusters,
  commands: ({ clusters }) =>
    clusters.flatMap((cluster) => [
      `clustermesh status --context ${cluster}`,
      `clustermesh inspect backends --context ${cluster}`,
    ]),
  check: async ({ clusters, service }, run) => {
    const endpoints = (await Promise.all(clusters.map((cluster) => readyEndpoints(run, cluster, service)))).flat();
    // One port of each protocol is one address twice.
    const backends = [...new Set(endpoints)].sort();
    const differences = await Promise.all(
      clusters.map((cluster) => whyNotConverged(run, cluster, service, backends.join(' '))),
    );
    const [problem] = differences.flat();
    return problem === undefined
      ? { isMet: true, seen: `all ready, ${backends.length} backends everywhere` }
      : { isMet: false, seen: problem };
  },
};

async function readyEndpoints({ provider }: Run, cluster: string, service: string): Promise<readonly string[]> {
  const { namespace, name } = refOf(service);
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const { items } = await provider.kube(cluster).list(endpointSlices, { namespace, labelSelector });
  return items.flatMap(({ endpoints, ports }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses)
      .flatMap((address) => (ports ?? []).map(({ port }) => `${address}:${port ?? 0}`)),
  );
}

async function whyNotConverged(run: Run, cluster: string, service: string, wanted: string): Promise<readonly string[]> {
  const { clusters, problems } = await readStatus(run, cluster);
  const unready = clusters.filter(({ ready }) => !ready).map(({ name, state }) => `${cluster} sees ${name} ${state}`);
  const rows = backendsOutput.parse(await clustermeshJson(run, ['inspect', 'backends', '--context', cluster]));
  const nodes = run.topology.clusters.find(({ name }) => name === cluster)?.nodes ?? 0;
  const perNode = Map.groupBy(
    rows.filter((row) => row.service === service && ['chosen', 'standby'].includes(row.state)),
    ({ node }) => node,
  );
  const different = [...perNode]
    .map(([node, backends]) => ({ node, has: [...new Set(backends.map(({ address }) => address))].sort().join(' ') }))
    .filter(({ has }) => has !== wanted)
    .map(({ node, has }) => `${node} of ${cluster} has backends ${has}, not ${wanted}`);
  const missing = perNode.size < nodes ? [`only ${perNode.size} of ${nodes} nodes of ${cluster} have backends`] : [];
  return [...unready, ...problems, ...different, ...missing];
}
