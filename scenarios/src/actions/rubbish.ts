import { pods, secrets, services } from '@clustermesh/kube';
import { MeshError, duration } from '@clustermesh/runtime';
import { z } from 'zod';

import { client, namespaced, refOf } from '../reference.ts';
import type { Probe, RunningProbe } from '../provider.ts';
import type { Run } from '../run.ts';
import { saidBy } from '../run.ts';
import type { ActionVerb } from '../verb.ts';

const namespace = 'kube-system';
const etcd = { namespace, name: 'clustermesh-apiserver' };
const adminCertificate = { namespace, name: 'clustermesh-apiserver-admin-cert' };

const params = z.strictObject({
  /** The pod that writes; into the etcd of its own cluster. */
  from: client,
  /** Addresses of whose pods are claimed. */
  steal: z.strictObject({ cluster: z.string(), pods: namespaced }),
  /** How many entries lie about their cluster. */
  rejected: z.number().int().min(0).default(100_000),
  perSecond: z.number().int().min(1).default(1_000),
  for: duration.prefault('30s'),
  /** Takes everything back instead. */
  remove: z.boolean().default(false),
});
type Params = z.output<typeof params>;

export const rubbish: ActionVerb<Params> = {
  name: 'rubbish',
  summary:
    "writes into a cluster's own etcd what no publisher writes: lies, deep JSON, `__proto__`, invalid UTF-8, a large value, `rejected` (100000) lies, then in the background `perSecond` (1000) changes `for` 30s; `remove: true` waits for their end and takes it all back",
  params,
  needs: () => 'packets',
  clusters: ({ from, steal }) => [from.cluster, steal.cluster],
  commands: ({ from, ...how }, { provider }) =>
    provider.commands.probe(from.cluster, refOf(from.pod), probeOf(how, placeholders(from.cluster))),
  perform: async ({ from, ...how }, run) => {
    const target = await targetOf(from.cluster, how, run);
    await floods.get(run)?.ended;
    const running = await run.provider.startProbe(from.cluster, refOf(from.pod), probeOf(how, target));
    floods.set(run, running);
    // Its first report comes when all but the flood is written.
    const ended = running.ended.then((result) => {
      if (result.exitCode !== 0) throw new MeshError('COMMAND_FAILED', `rubbish of ${from.cluster}: ${saidBy(result)}`);
    });
    while (running.latest() === undefined) await Promise.race([ended, run.clock.sleep(pollMs, run.signal)]);
    if (how.remove) await ended;
    else ended.catch(() => undefined); // the clusters may be taken down while it writes
  },
};

const pollMs = 100;
/** The last one of a run: what it writes must not come after what takes it back. */
const floods = new WeakMap<Run, RunningProbe>();

interface Target {
  readonly endpoint: string;
  readonly cluster: string;
  readonly id: number | string;
  readonly steal: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

async function targetOf(cluster: string, { steal }: Pick<Params, 'steal'>, run: Run): Promise<Target> {
  const kube = run.provider.kube(cluster);
  const { data = {} } = await kube.get(secrets, adminCertificate);
  const { spec } = await kube.get(services, etcd);
  return {
    endpoint: `https://${spec?.clusterIP ?? ''}:${spec?.ports?.[0]?.port ?? 2379}`,
    cluster,
    id: run.topology.clusters.find((known) => known.name === cluster)?.id ?? 0,
    steal: (await addressesOf(steal, run)).join(','),
    ca: data['ca.crt'] ?? '',
    cert: data['tls.crt'] ?? '',
    key: data['tls.key'] ?? '',
  };
}

async function addressesOf({ cluster, pods: victims }: Params['steal'], run: Run): Promise<readonly string[]> {
  const { namespace: of, name } = refOf(victims);
  const { items } = await run.provider.kube(cluster).list(pods, { namespace: of, labelSelector: `app=${name}` });
  return items.flatMap(({ status }) => (status?.podIP === undefined ? [] : [status.podIP]));
}

/** For people: what cannot be known before the clusters run. */
function placeholders(cluster: string): Target {
  const of = (name: string): string => `$(kubectl … get secret ${adminCertificate.name} ${name})`;
  const credentials = { ca: of('ca.crt'), cert: of('tls.crt'), key: of('tls.key') };
  return { endpoint: 'https://ETCD:2379', cluster, id: 'ID', steal: 'ADDRESSES', ...credentials };
}

function probeOf({ rejected, perSecond, for: ms, remove }: Omit<Params, 'from'>, target: Target): Probe {
  const amounts = { rejected, perSecond, seconds: Math.round(ms / 1_000), remove: String(remove) };
  return { program: 'rubbish', flags: { ...target, ...amounts } };
}
