import { duration } from '@clustermesh/runtime';
import { z } from 'zod';

import { podAddress, tellPodAddress } from '../pod-address.ts';
import { client, namespaced, refOf } from '../reference.ts';
import type { Run } from '../run.ts';
import { serviceAddress, serviceTarget, tellServiceAddress } from '../service-address.ts';
import type { ServiceAddress } from '../service-address.ts';
import type { Probe } from '../provider.ts';
import { Traffic } from '../traffic.ts';
import type { ActionVerb } from '../verb.ts';

const params = serviceTarget
  .extend({
    /** What expectations call it. */
    name: z.string(),
    from: client,
    /** One of both. */
    service: namespaced.optional(),
    to: client.extend({ port: z.number().int().positive() }).optional(),
    /** `new`: a connection for each request; `established`: a few that live, with requests on each. */
    connections: z.enum(['new', 'established']),
    /** How many established ones. */
    streams: z.number().int().min(1).max(64).default(8),
    every: duration.prefault('10ms'),
  })
  .refine(({ service, to }) => (service === undefined) !== (to === undefined), 'names a service or a pod');
type Params = z.output<typeof params>;

export const traffic: ActionVerb<Params> = {
  name: 'traffic',
  summary:
    'starts background traffic to a `service`, or `to` a pod: `connections: new` (one for each request) or `established` (`streams` that live on), one request `every` 10ms',
  params,
  needs: () => 'packets',
  clusters: ({ from, to }) => [from.cluster, ...(to === undefined ? [] : [to.cluster])],
  commands: (wanted, { provider }) => {
    const probe = trafficProbe(wanted, tellTarget(wanted));
    const [command = ''] = provider.commands.probe(wanted.from.cluster, refOf(wanted.from.pod), probe);
    return [`${command} &`];
  },
  perform: async (wanted, run) => {
    const { name, from } = wanted;
    const probe = trafficProbe(wanted, await targetOf(wanted, run));
    run.traffic.set(name, new Traffic(await run.provider.startProbe(from.cluster, refOf(from.pod), probe)));
  },
};

async function targetOf({ from, service = '', to, ...how }: Params, { provider }: Run): Promise<ServiceAddress> {
  if (to === undefined) return serviceAddress(provider.kube(from.cluster), service, how);
  return { address: await podAddress(provider.kube(to.cluster), to, how.family), port: to.port };
}

function tellTarget({ from, service = '', to, ...how }: Params): ServiceAddress {
  if (to === undefined) return tellServiceAddress(from.cluster, service, how);
  return { address: tellPodAddress(to, how.family), port: to.port };
}

export const stopTraffic: ActionVerb<string> = {
  name: 'stopTraffic',
  summary: 'ends background traffic; its counts stay as they are',
  params: z.string(),
  needs: () => 'packets',
  clusters: () => [],
  commands: () => [],
  perform: async (name, { traffic: running }) => {
    await running.get(name)?.stop();
  },
};

type How = Pick<Params, 'protocol' | 'connections' | 'streams' | 'every'>;

function trafficProbe({ protocol, connections, streams, every }: How, { address, port }: ServiceAddress): Probe {
  const flags = { address, port, protocol, connections, every, ...(connections === 'established' ? { streams } : {}) };
  return { program: 'traffic', flags };
}
