import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun, runCommand } from '../command.ts';
import { readJsonFile, writeJsonFile } from '../json-file.ts';
import type { MeshPlan } from '../mesh-plan.ts';
import { cutBatch, lossesOf } from './cuts.ts';
import type { Cut } from './cuts.ts';
import { meshBatches, podBatches } from './ip-batch.ts';
import type { IpBatch, PodNetwork } from './ip-batch.ts';

const netnsDir = '/run/netns';

/** Absolute path of a namespace, for nsenter. */
export function netnsPath(netns: string): string {
  return `${netnsDir}/${netns}`;
}

/** Names of the existing network namespaces that start with `prefix`. */
export async function listNetns(prefix: string): Promise<readonly string[]> {
  try {
    const names = await readdir(netnsDir);
    return names.filter((name) => name.startsWith(prefix));
  } catch {
    return []; // the directory comes with the first namespace
  }
}

/** Makes the nodes' network anew: whatever a broken-off attempt left is taken away first. */
export async function createMeshNetwork(plan: MeshPlan): Promise<void> {
  await deleteNetns(await listNetns(plan.netnsPrefix));
  const [create, ...inside] = meshBatches(plan);
  if (create === undefined) return;
  await runBatch(create);
  await Promise.all(inside.map(runBatch));
  await Promise.all(plan.clusters.flatMap(({ nodes }) => nodes.map(({ netns }) => enableForwarding(netns ?? ''))));
}

export async function createPodNetwork(pod: PodNetwork): Promise<void> {
  await deletePodNetwork(pod);
  const [create, ...inside] = podBatches(pod);
  if (create === undefined) return;
  await runBatch(create);
  await Promise.all(inside.map(runBatch));
}

/** The veth goes first: its other end lives until the last process of the pod's namespace has ended. */
export async function deletePodNetwork({ netns, nodeNetns, link }: PodNetwork): Promise<void> {
  await runCommand(['ip', '-n', nodeNetns, 'link', 'del', link]);
  await deleteNetns((await listNetns(netns)).filter((name) => name === netns));
}

export async function deleteNetns(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await mustRun(['ip', '-force', '-batch', '-'], { input: names.map((name) => `netns del ${name}\n`).join('') });
}

/** The cuts that are in force. */
export async function readCuts({ stateDir }: MeshPlan): Promise<readonly Cut[]> {
  return (await readJsonFile<readonly Cut[]>(cutsFile(stateDir))) ?? [];
}

function cutsFile(stateDir: string): string {
  return join(stateDir, 'cuts.json');
}

/** Makes every node lose exactly what `cuts` say, whatever it lost before. */
export async function applyCuts(plan: MeshPlan, cuts: readonly Cut[]): Promise<void> {
  const nodes = plan.clusters.flatMap((cluster) => {
    const losses = lossesOf(plan, cluster, cuts);
    return cluster.nodes.flatMap(({ netns }) => (netns === undefined ? [] : [{ netns, losses }]));
  });
  await Promise.all(
    nodes.map(async ({ netns, losses }) => {
      const rules = await mustRun(['ip', '-n', netns, 'rule', 'show']);
      await runBatch(cutBatch(netns, losses, rules));
    }),
  );
  await writeJsonFile(cutsFile(plan.stateDir), cuts);
}

/** Input for one `ip`. */
export async function runBatch({ netns, lines }: IpBatch): Promise<void> {
  const inNetns = netns === undefined ? [] : ['-n', netns];
  await mustRun(['ip', ...inNetns, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** /proc/sys/net is that of the process which opens it. New namespaces may inherit the machine's rp_filter. */
export async function enableForwarding(netns: string): Promise<void> {
  const script =
    'cd /proc/sys/net/ipv4 && echo 1 >ip_forward && for file in conf/*/rp_filter; do echo 0 >$file; done' +
    ' && { [ ! -d ../ipv6 ] || echo 1 >../ipv6/conf/all/forwarding; }';
  await mustRun(['nsenter', `--net=${netnsPath(netns)}`, '--', 'sh', '-c', script]);
}
