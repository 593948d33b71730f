import { z } from 'zod';

import { clustersOf, flowName, flowPattern, flowsOf, targetText } from '../flow.ts';
import type { Flow } from '../flow.ts';
import { podAddress, tellPodAddress } from '../pod-address.ts';
import { refOf } from '../reference.ts';
import type { Client } from '../reference.ts';
import type { Run } from '../run.ts';
import type { ExpectationVerb, Observation, Telling } from '../verb.ts';

const params = z
  .strictObject({
    allowed: z.array(flowPattern).default([]),
    refused: z.array(flowPattern).default([]),
    family: z.union([z.literal(4), z.literal(6)]).default(4),
  })
  .refine(({ allowed, refused }) => allowed.length + refused.length > 0, 'names no connection');
type Params = z.output<typeof params>;

export const connections: ExpectationVerb<Params> = {
  name: 'connections',
  summary:
    'of connections between pods, tried by address and all at once, the `allowed` ones are answered and the `refused` ones get no answer at all, and a moment later again; `shop/a -> shop/b:80` is from each cluster to each other one, `east/shop/a -> west/shop/b:53/UDP` and `:ICMP` are one, `shop/app=web` is the first pod with that label; `family` 4 or 6',
  params,
  needs: () => 'packets',
  clusters: ({ allowed, refused }) => [...allowed, ...refused].flatMap(clustersOf),
  commands: (wanted, telling) => tell(wanted, telling),
  check: async (wanted, run) => {
    const first = await look(wanted, run);
    return first.isMet ? look(wanted, run) : first;
  },
};

/** What is wanted of a flow, in the words of probe/connections.mjs. */
type Outcome = 'answered' | 'silent';
interface Wanted {
  readonly flow: Flow;
  readonly outcome: Outcome;
}

function allOf({ allowed, refused }: Params, { topology }: Pick<Telling, 'topology'>): readonly Wanted[] {
  const expand = (patterns: Params['allowed'], outcome: Outcome): readonly Wanted[] =>
    patterns.flatMap((pattern) => flowsOf(pattern, topology).map((flow) => ({ flow, outcome })));
  return [...expand(allowed, 'answered'), ...expand(refused, 'silent')];
}

function bySource(all: readonly Wanted[]): ReadonlyMap<string, readonly Wanted[]> {
  return Map.groupBy(all, ({ flow: { from } }) => `${from.cluster}/${from.pod}`);
}

function tell(wanted: Params, telling: Telling): readonly string[] {
  return [...bySource(allOf(wanted, telling)).values()].flatMap((mine) => {
    const targets = mine.map(({ flow }) => targetText(flow, tellPodAddress(flow.to, wanted.family), wanted.family));
    const from = mine[0]?.flow.from ?? { cluster: '', pod: '' };
    return telling.provider.commands.probe(from.cluster, refOf(from.pod), {
      program: 'connections',
      flags: { to: targets.join(',') },
    });
  });
}

async function look(wanted: Params, run: Run): Promise<Observation> {
  const all = allOf(wanted, run);
  const addresses = await addressesOf(all, wanted.family, run);
  const wrong = await Promise.all(
    [...bySource(all).values()].map(async (mine) => {
      const targets = mine.map(({ flow }) => targetText(flow, addresses.get(key(flow.to)) ?? '', wanted.family));
      const outcomes = await run.probers.try(mine[0]?.flow.from ?? { cluster: '', pod: '' }, targets);
      return mine.flatMap(({ flow, outcome }, at) => {
        const seen = outcomes[targets[at] ?? ''] ?? 'not tried';
        return seen === outcome ? [] : [`${flowName(flow)} is ${words[seen] ?? seen}, not ${words[outcome]}`];
      });
    }),
  );
  const problems = wrong.flat();
  const count = (outcome: Outcome): number => all.filter((one) => one.outcome === outcome).length;
  const seen = `${count('answered')} allowed, ${count('silent')} refused`;
  return problems.length === 0 ? { isMet: true, seen } : { isMet: false, seen: problems.join('; ') };
}

const words: Readonly<Record<string, string>> = { answered: 'allowed', silent: 'refused' };

function key({ cluster, pod }: Client): string {
  return `${cluster}/${pod}`;
}

async function addressOf(to: Client, family: 4 | 6, { provider, topology }: Run): Promise<string> {
  const isSample = topology.samples?.some(({ cluster }) => cluster === to.cluster);
  if (isSample === true) return provider.samples().podAddress(to.cluster, to.pod);
  return podAddress(provider.kube(to.cluster), to, family);
}

/** Of every pod that somebody connects to. */
async function addressesOf(all: readonly Wanted[], family: 4 | 6, run: Run): Promise<ReadonlyMap<string, string>> {
  const targets = new Map(all.map(({ flow: { to } }) => [key(to), to]));
  return new Map(
    await Promise.all(
      [...targets].map(async ([name, to]): Promise<[string, string]> => [name, await addressOf(to, family, run)]),
    ),
  );
}
