import { z } from 'zod';

import type { Probe } from '../provider.ts';
import { client, clusterNames, namespaced, refOf } from '../reference.ts';
import { serviceAddress, tellServiceAddress } from '../service-address.ts';
import type { ServiceAddress, ServiceTarget } from '../service-address.ts';
import type { ExpectationVerb } from '../verb.ts';
import { countByCluster, outputText, probe, sameNames } from './probe-results.ts';

/** The DNS server of the demo says in the TXT record of this name who it is. */
const whoName = 'who.';

const params = z.strictObject({
  from: client,
  service: namespaced,
  clusters: clusterNames,
  family: z.union([z.literal(4), z.literal(6)]).default(4),
  requests: z.number().int().min(1).max(1_000).default(30),
});
type Resolves = z.output<typeof params>;

export const resolves: ExpectationVerb<Resolves> = {
  name: 'resolves',
  summary: 'a stock resolver in the pod asks a DNS service; every query is answered, and by exactly these clusters',
  params,
  needs: () => 'packets',
  clusters: ({ from, clusters }) => [from.cluster, ...clusters],
  commands: ({ from, service, family, requests }, { provider }) => {
    const address = tellServiceAddress(from.cluster, service, dnsTarget(family));
    return provider.commands.probe(from.cluster, refOf(from.pod), dnsProbe(address, requests));
  },
  check: async ({ from, service, clusters, family, requests }, run) => {
    const address = await serviceAddress(run.provider.kube(from.cluster), service, dnsTarget(family));
    const output = await probe(from, dnsProbe(address, requests), run);
    const isAnswered = Object.keys(output.failures).length === 0;
    return {
      isMet: isAnswered && sameNames(countByCluster(output.answers).keys(), clusters),
      seen: outputText(output),
    };
  },
};

function dnsTarget(family: 4 | 6): ServiceTarget {
  return { protocol: 'UDP', family };
}

function dnsProbe({ address, port }: ServiceAddress, requests: number): Probe {
  return { program: 'dns', flags: { address, port, name: whoName, requests } };
}
