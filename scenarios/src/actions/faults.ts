import { duration } from '@clustermesh/runtime';
import { z } from 'zod';

import { clusterNames } from '../reference.ts';
import { programs } from '../provider.ts';
import type { Cut, Kill } from '../provider.ts';
import type { ActionVerb } from '../verb.ts';

const cutParams = z.strictObject({
  cluster: z.string(),
  peers: clusterNames.optional(),
  traffic: z.enum(['control', 'data', 'all']).default('control'),
  direction: z.enum(['both', 'in', 'out']).default('both'),
});

export const cut: ActionVerb<Cut> = {
  name: 'cut',
  summary:
    'loses packets between a cluster and all others, or `peers`: `traffic` control, data or all, `direction` both, in or out',
  params: cutParams,
  needs: () => 'cuts',
  clusters: ({ cluster, peers = [] }) => [cluster, ...peers],
  commands: (params, { provider }) => provider.commands.cut(params),
  perform: (params, { provider }) => provider.cut(params),
};

export const restore: ActionVerb<string> = {
  name: 'restore',
  summary: 'takes all cuts of a cluster away',
  params: z.string(),
  needs: () => 'cuts',
  clusters: (cluster) => [cluster],
  commands: (cluster, { provider }) => provider.commands.restore(cluster),
  perform: (cluster, { provider }) => provider.restore(cluster),
};

const killParams = z
  .strictObject({ cluster: z.string().optional(), program: z.enum(programs), node: z.string().optional() })
  .refine(({ cluster, program }) => cluster !== undefined || program === 'supervisor', 'names no cluster');

export const kill: ActionVerb<Kill> = {
  name: 'kill',
  summary: 'kill -9 of a program of a cluster, on all nodes or one; whatever keeps it running starts it again',
  params: killParams,
  needs: ({ program }) => (program === 'supervisor' ? 'supervisor' : 'kills'),
  clusters: ({ cluster }) => (cluster === undefined ? [] : [cluster]),
  commands: (params, { provider }) => provider.commands.kill(params),
  perform: (params, { provider }) => provider.kill(params),
};

export const wait: ActionVerb<number> = {
  name: 'wait',
  summary: 'lets time pass: to show that something does not happen',
  params: duration,
  clusters: () => [],
  commands: (ms) => [`sleep ${ms / 1_000}`],
  perform: (ms, { clock, signal }) => clock.sleep(ms, signal),
};
