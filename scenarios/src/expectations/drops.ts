import { z } from 'zod';

import type { Probe } from '../provider.ts';
import type { Client } from '../reference.ts';
import type { Run } from '../run.ts';
import { runProbe } from './probe-results.ts';

/** Where the agent of a node serves its metrics (docs/config.md). */
const agentPort = 9_879;

export const dropsProbe: Probe = {
  program: 'metrics',
  flags: { port: agentPort, name: 'clustermesh_agent_datapath_decisions_total' },
};

const samples = z.record(z.string(), z.number());

/** Packets that the programs of a node have dropped for a reason, in both directions. @param at a pod in its network */
export async function countDrops(at: Client, reason: string, run: Run): Promise<number> {
  const counts = samples.parse(await runProbe(at, dropsProbe, run));
  return Object.entries(counts)
    .filter(([labels]) => labels.split('/')[1] === reason)
    .reduce((sum, [, value]) => sum + value, 0);
}
