import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import type { Probe } from '../provider.ts';
import { refOf } from '../reference.ts';
import type { Client } from '../reference.ts';
import type { Run } from '../run.ts';

/** What probe/requests.mjs and probe/dns.mjs print. */
const probeOutput = z.object({
  answers: z.record(z.string(), z.number()),
  failures: z.record(z.string(), z.number()),
  slowestFailureMs: z.number(),
});
export type ProbeOutput = z.output<typeof probeOutput>;

/** Runs a probe that sends requests to its end. */
export async function probe(from: Client, what: Probe, run: Run): Promise<ProbeOutput> {
  return probeOutput.parse(await runProbe(from, what, run));
}

/** The last report of a probe that ends by itself. */
export async function runProbe(from: Client, what: Probe, { provider }: Run): Promise<unknown> {
  const running = await provider.startProbe(from.cluster, refOf(from.pod), what);
  const { exitCode, stdout, stderr } = await running.ended;
  if (exitCode !== 0) throw new MeshError('COMMAND_FAILED', `probe in ${from.pod}: ${stderr.trim()}`);
  return JSON.parse(stdout) as unknown;
}

/** Answers are named CLUSTER/POD. */
export function countByCluster(answers: Readonly<Record<string, number>>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, count] of Object.entries(answers)) {
    const cluster = name.split('/')[0] ?? '';
    counts.set(cluster, (counts.get(cluster) ?? 0) + count);
  }
  return counts;
}

export function sameNames(seen: Iterable<string>, wanted: readonly string[]): boolean {
  return [...seen].sort().join() === [...wanted].sort().join();
}

/** `east 12, west 18` */
export function countsText(counts: Iterable<readonly [string, number]>): string {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

/** `east 12, failed: ETIMEDOUT 3` */
export function outputText({ answers, failures }: ProbeOutput): string {
  const failed = Object.entries(failures);
  const parts = [countsText(countByCluster(answers)), failed.length === 0 ? '' : `failed: ${countsText(failed)}`];
  return parts.filter((part) => part !== '').join(', ');
}
