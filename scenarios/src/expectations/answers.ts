import { z } from 'zod';

import type { Probe } from '../provider.ts';
import { client, clusterNames, namespaced, refOf } from '../reference.ts';
import { clustermeshJson } from '../run.ts';
import type { Run } from '../run.ts';
import { serviceAddress, serviceTarget, tellServiceAddress } from '../service-address.ts';
import type { ServiceAddress, ServiceTarget } from '../service-address.ts';
import type { ExpectationVerb, Observation, Telling } from '../verb.ts';
import { countByCluster, countsText, outputText, probe, sameNames } from './probe-results.ts';

const params = serviceTarget.extend({
  from: client,
  service: namespaced,
  clusters: clusterNames,
  /** How many different backends answer. */
  backends: z.number().int().min(1).optional(),
  /** Name given by `deletePod.as`: that pod must not answer. */
  without: z.string().optional(),
  requests: z.number().int().min(1).max(1_000).default(30),
  /** `unconnected`: each UDP datagram is sent without connect(), and its answer must come from the Service's address. */
  socket: z.enum(['connected', 'unconnected']).default('connected'),
  /** IPv4 through an IPv6 socket, as many runtimes do it. */
  mapped: z.boolean().default(false),
  /** getpeername() must tell the Service's address, which is the one that the program connected to. */
  peerIsService: z.boolean().default(false),
});
type Answers = z.output<typeof params>;

const backendsOutput = z.array(
  z.object({ service: z.string(), cluster: z.string(), address: z.string(), state: z.string() }),
);

export const answers: ExpectationVerb<Answers> = {
  name: 'answers',
  summary:
    'every request from the pod is answered, and by exactly these clusters; `backends` counts who answers, `without` names a deleted pod; `protocol`, `family`, `port`, `socket` and `mapped` choose how they are asked, `peerIsService` looks at getpeername',
  params,
  clusters: ({ from, clusters }) => [from.cluster, ...clusters],
  commands: (expected, telling) => tell(expected, expected, telling),
  // Without packets what the agents would do with them is still known.
  check: (expected, run) =>
    run.provider.cannot('packets') === undefined ? checkAnswers(expected, run) : checkBackends(expected, run),
};

const movesParams = serviceTarget.extend({ from: client, service: namespaced, idle: z.number().int().positive() });

export const moves: ExpectationVerb<z.output<typeof movesParams>> = {
  name: 'moves',
  summary:
    'after `idle` seconds without a request the next one may be answered by another backend, and sooner or later is',
  params: movesParams,
  needs: () => 'packets',
  clusters: ({ from }) => [from.cluster],
  commands: (wanted, telling) => {
    const ask = tell(wanted, once(wanted), telling);
    return [...ask, `sleep ${wanted.idle}`, ...ask];
  },
  check: async ({ from, service, idle, ...how }, run) => {
    const ask = async (): Promise<string> => {
      const address = await serviceAddress(run.provider.kube(from.cluster), service, how);
      return Object.keys((await probe(from, requestsProbe(once(how), address), run)).answers)[0] ?? '';
    };
    const before = await ask();
    await run.clock.sleep(idle * 1_000, run.signal);
    const after = await ask();
    return { isMet: before !== '' && after !== '' && before !== after, seen: `${before}, then ${after}` };
  },
};

const refusedParams = serviceTarget.extend({
  from: client,
  service: namespaced,
  /** Milliseconds. */
  fasterThan: z.number().int().positive().default(500),
});

export const refused: ExpectationVerb<z.output<typeof refusedParams>> = {
  name: 'refused',
  summary: 'every request is refused, each within `fasterThan` (500) milliseconds: nobody waits for a time-out',
  params: refusedParams,
  needs: () => 'packets',
  clusters: ({ from }) => [from.cluster],
  commands: (wanted, telling) => tell(wanted, few(wanted), telling),
  check: async ({ from, service, fasterThan, ...how }, run) => {
    const address = await serviceAddress(run.provider.kube(from.cluster), service, how);
    const output = await probe(from, requestsProbe(few(how), address), run);
    const isRefused =
      sameNames(Object.keys(output.failures), ['ECONNREFUSED']) && countsText(Object.entries(output.answers)) === '';
    const slowest = `slowest ${Math.round(output.slowestFailureMs)} ms`;
    return { isMet: isRefused && output.slowestFailureMs < fasterThan, seen: `${outputText(output)}, ${slowest}` };
  },
};

type How = Pick<Answers, 'protocol' | 'requests' | 'socket' | 'mapped' | 'peerIsService'>;
const plain = { socket: 'connected', mapped: false, peerIsService: false } as const;

function few({ protocol }: ServiceTarget): How {
  return { ...plain, protocol, requests: 5 };
}

function once({ protocol }: ServiceTarget): How {
  return { ...plain, protocol, requests: 1 };
}

function requestsProbe({ protocol, requests, socket, mapped, peerIsService }: How, target: ServiceAddress): Probe {
  const address = mapped ? `::ffff:${target.address}` : target.address;
  const flags = { address, port: target.port, protocol, requests };
  const unconnected = socket === 'unconnected' ? { socket } : {};
  return { program: 'requests', flags: { ...flags, ...unconnected, ...(peerIsService ? { peer: address } : {}) } };
}

function tell(
  { from, service, ...target }: ServiceTarget & Pick<Answers, 'from' | 'service'>,
  how: How,
  { provider }: Telling,
): readonly string[] {
  const address = tellServiceAddress(from.cluster, service, target);
  return provider.commands.probe(from.cluster, refOf(from.pod), requestsProbe(how, address));
}

async function checkAnswers(expected: Answers, run: Run): Promise<Observation> {
  const { from, service, clusters, backends, without } = expected;
  const address = await serviceAddress(run.provider.kube(from.cluster), service, expected);
  const output = await probe(from, requestsProbe(expected, address), run);
  const names = Object.keys(output.answers);
  const ghost = without === undefined ? undefined : run.deletedPods.get(without)?.name;
  const isGhostSilent = ghost === undefined || !names.some((name) => name.endsWith(`/${ghost}`));
  const isCounted = backends === undefined || names.length === backends;
  const isAnswered = Object.keys(output.failures).length === 0;
  return {
    isMet: sameNames(countByCluster(output.answers).keys(), clusters) && isAnswered && isGhostSilent && isCounted,
    seen: outputText(output) + (backends === undefined ? '' : `, ${names.length} backends`),
  };
}

/** Without packets: the backends that the agents would send them to. */
async function checkBackends({ from, service, clusters, without }: Answers, run: Run): Promise<Observation> {
  const rows = backendsOutput.parse(await clustermeshJson(run, ['inspect', 'backends', '--context', from.cluster]));
  const chosen = rows.filter((row) => row.service === service && row.state === 'chosen');
  const perCluster = new Map<string, number>();
  // Every node has a row for each of them.
  const byAddress = new Map(chosen.map((row) => [row.address, row.cluster]));
  for (const cluster of byAddress.values()) perCluster.set(cluster, (perCluster.get(cluster) ?? 0) + 1);
  const ghost = without === undefined ? undefined : run.deletedPods.get(without)?.ip;
  const hasGhost = chosen.some(({ address }) => ghost !== undefined && address.startsWith(`${ghost}:`));
  return { isMet: sameNames(perCluster.keys(), clusters) && !hasGhost, seen: `backends ${countsText(perCluster)}` };
}
