import { fileURLToPath } from 'node:url';

import { services } from '@clustermesh/kube';
import { MeshError, assertNever } from '@clustermesh/runtime';
import { z } from 'zod';

import { refOf } from './actions.ts';
import type { Run } from './actions.ts';
import type { Expectation } from './scenario.ts';

export interface Observation {
  readonly isMet: boolean;
  /** What was seen, for people: shown in the final table, or as the reason of the failure. */
  readonly seen: string;
}

type Answers = Extract<Expectation, { answers: unknown }>['answers'];

const probePath = fileURLToPath(new URL('probe/probe.mjs', import.meta.url));
const probeOutput = z.object({
  answers: z.record(z.string(), z.number()),
  failures: z.record(z.string(), z.number()),
});
/** The part of `clustermesh status -o json` that scenarios look at. */
const statusOutput = z.object({
  clusters: z.array(z.object({ name: z.string(), state: z.string(), ready: z.boolean(), age: z.string().optional() })),
});
const ipcacheOutput = z.array(z.object({ cluster: z.string() }));
const backendsOutput = z.array(
  z.object({ service: z.string(), cluster: z.string(), address: z.string(), state: z.string() }),
);

/** The command that a user would type to see it. */
export function describeExpectation(expectation: Expectation): string {
  if ('answers' in expectation) {
    const { from, service } = expectation.answers;
    const { namespace, name } = refOf(from.pod);
    return `kubectl --context ${from.cluster} -n ${namespace} exec ${name} -- nc ${refOf(service).name} 80`;
  }
  if ('remote' in expectation) return `clustermesh status --context ${expectation.remote.of}`;
  if ('drained' in expectation) return `clustermesh inspect ipcache --context ${expectation.drained.of}`;
  return assertNever(expectation);
}

/** Looks once. What cannot be looked at yet (an API that does not answer) is an unmet expectation with its reason. */
export async function checkExpectation(expectation: Expectation, run: Run): Promise<Observation> {
  if ('answers' in expectation) {
    if (run.provider.withoutPackets === undefined) return checkAnswers(expectation.answers, run);
    return checkBackends(expectation.answers, run);
  }
  if ('remote' in expectation) return checkRemote(expectation.remote, run);
  if ('drained' in expectation) return checkDrained(expectation.drained, run);
  return assertNever(expectation);
}

async function checkAnswers(expected: Answers, run: Run): Promise<Observation> {
  const { answers, failures } = await probe(expected, run);
  const perCluster = countByCluster(answers);
  const ghost = expected.without === undefined ? undefined : run.deletedPods.get(expected.without)?.name;
  const isGhostSilent = ghost === undefined || !Object.keys(answers).some((name) => name.endsWith(`/${ghost}`));
  const failed = Object.entries(failures);
  return {
    isMet: sameNames(perCluster.keys(), expected.clusters) && failed.length === 0 && isGhostSilent,
    seen: countsText(perCluster) + (failed.length === 0 ? '' : `, failed: ${countsText(failed)}`),
  };
}

/** Requests from the pod to the service's address, one connection each. */
async function probe({ from, service, requests }: Answers, { provider }: Run): Promise<z.output<typeof probeOutput>> {
  const { spec } = await provider.kube(from.cluster).get(services, refOf(service));
  const argv = ['node', probePath, spec?.clusterIP ?? '', String(spec?.ports?.[0]?.port ?? 0), String(requests)];
  const { exitCode, stdout, stderr } = await provider.execInPod(from.cluster, refOf(from.pod), argv);
  if (exitCode !== 0) throw new MeshError('COMMAND_FAILED', `probe in ${from.pod}: ${stderr.trim()}`);
  return probeOutput.parse(JSON.parse(stdout));
}

/** Answers are named CLUSTER/POD. */
function countByCluster(answers: Readonly<Record<string, number>>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, count] of Object.entries(answers)) {
    const cluster = name.split('/')[0] ?? '';
    counts.set(cluster, (counts.get(cluster) ?? 0) + count);
  }
  return counts;
}

/** Without packets: the backends that the agents would send them to. */
async function checkBackends({ from, service, clusters, without }: Answers, run: Run): Promise<Observation> {
  const rows = backendsOutput.parse(await json(run, ['inspect', 'backends', '--context', from.cluster]));
  const chosen = rows.filter((row) => row.service === service && row.state === 'chosen');
  const perCluster = new Map<string, number>();
  // Every node has a row for each of them.
  const byAddress = new Map(chosen.map((row) => [row.address, row.cluster]));
  for (const cluster of byAddress.values()) perCluster.set(cluster, (perCluster.get(cluster) ?? 0) + 1);
  const ghost = without === undefined ? undefined : run.deletedPods.get(without)?.ip;
  const hasGhost = chosen.some(({ address }) => ghost !== undefined && address.startsWith(`${ghost}:`));
  return { isMet: sameNames(perCluster.keys(), clusters) && !hasGhost, seen: `backends ${countsText(perCluster)}` };
}

async function checkRemote(
  { of, cluster, is }: { of: string; cluster: string; is: 'ready' | 'stale' | 'absent' },
  run: Run,
): Promise<Observation> {
  const { clusters } = statusOutput.parse(await json(run, ['status', '--context', of]));
  const found = clusters.find(({ name }) => name === cluster);
  if (found === undefined) return { isMet: is === 'absent', seen: `${of} does not know ${cluster}` };
  const age = found.age === undefined ? '' : ` for ${found.age}`;
  const isMet = is === 'ready' ? found.ready && found.state === 'ready' : found.state === is;
  return { isMet, seen: `${of} sees ${cluster} ${found.state}${found.state === 'stale' ? age : ''}` };
}

async function checkDrained({ of, cluster }: { of: string; cluster: string }, run: Run): Promise<Observation> {
  const rows = ipcacheOutput.parse(await json(run, ['inspect', 'ipcache', '--context', of]));
  const left = rows.filter((row) => row.cluster === cluster).length;
  return { isMet: left === 0, seen: `${left} addresses of ${cluster} in the maps of ${of}` };
}

async function json(run: Run, argv: readonly string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run.provider.clustermesh([...argv, '-o', 'json']);
  if (exitCode !== 0)
    throw new MeshError('COMMAND_FAILED', `clustermesh ${argv.join(' ')}: ${(stderr || stdout).trim()}`);
  return JSON.parse(stdout) as unknown;
}

function sameNames(seen: Iterable<string>, wanted: readonly string[]): boolean {
  return [...seen].sort().join() === [...wanted].sort().join();
}

function countsText(counts: Iterable<readonly [string, number]>): string {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
