import { duration } from '@clustermesh/runtime';
import { z } from 'zod';

import { client, namespaced, refOf } from '../reference.ts';
import { serviceAddress, serviceTarget, tellServiceAddress } from '../service-address.ts';
import type { ServiceAddress } from '../service-address.ts';
import type { Probe } from '../provider.ts';
import { Traffic } from '../traffic.ts';
import type { ActionVerb } from '../verb.ts';

const params = serviceTarget.extend({
  /** What expectations call it. */
  name: z.string(),
  from: client,
  service: namespaced,
  /** `new`: a connection for each request; `established`: a few that live, with requests on each. */
  connections: z.enum(['new', 'established']),
  /** How many established ones. */
  streams: z.number().int().min(1).max(64).default(8),
  every: duration.prefault('10ms'),
});

export const traffic: ActionVerb<z.output<typeof params>> = {
  name: 'traffic',
  summary:
    'starts background traffic: `connections: new` (one for each request) or `established` (`streams` that live on), one request `every` 10ms',
  params,
  needs: () => 'packets',
  clusters: ({ from }) => [from.cluster],
  commands: ({ from, service, ...how }, { provider }) => {
    const address = tellServiceAddress(from.cluster, service, how);
    const [command = ''] = provider.commands.probe(from.cluster, refOf(from.pod), trafficProbe(how, address));
    return [`${command} &`];
  },
  perform: async ({ name, from, service, ...how }, run) => {
    const address = await serviceAddress(run.provider.kube(from.cluster), service, how);
    const running = await run.provider.startProbe(from.cluster, refOf(from.pod), trafficProbe(how, address));
    run.traffic.set(name, new Traffic(running));
  },
};

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

type How = Pick<z.output<typeof params>, 'protocol' | 'connections' | 'streams' | 'every'>;

function trafficProbe({ protocol, connections, streams, every }: How, { address, port }: ServiceAddress): Probe {
  const flags = { address, port, protocol, connections, every, ...(connections === 'established' ? { streams } : {}) };
  return { program: 'traffic', flags };
}
