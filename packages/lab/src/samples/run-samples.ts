import { runAll } from '@clustermesh/runtime';

import { mustRun } from '../command.ts';
import { keepServiceRunning } from '../control-plane/service-process.ts';
import type { ServiceDeps, ServiceProgram } from '../control-plane/service-process.ts';
import type { MeshPlan, Place, SamplesPlan } from '../mesh-plan.ts';
import { enableForwarding, netnsPath, runBatch } from '../network/network.ts';
import { nodeProgram } from '../workspace.ts';
import { readDesiredKeys, writeDesiredKeys } from './desired-keys.ts';
import { sampleCluster } from './sample-cluster.ts';
import type { SampleCluster, SamplePod } from './sample-cluster.ts';
import { SampleEtcd } from './sample-etcd.ts';
import { sampleBatches, samplePodNetns, takeAllFrames } from './sample-network.ts';

/** Once, when the nodes' network has been made. */
export async function createSamplesNetwork(plan: MeshPlan): Promise<void> {
  const netns = plan.samples?.netns;
  if (plan.samples === undefined || netns === undefined) return;
  const pods = plan.samples.clusters.flatMap((one) => sampleCluster(one).pods);
  for (const batch of sampleBatches(plan, netns, pods)) await runBatch(batch);
  await enableForwarding(netns);
  await mustRun(['nsenter', `--net=${netnsPath(netns)}`, '--', 'nft', takeAllFrames]);
}

/** The etcd of the samples, who fills it, and who answers at the addresses in it. */
export async function runSamples(
  plan: SamplesPlan,
  heartbeatInterval: string | undefined,
  deps: ServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const etcd = new SampleEtcd(plan);
  const clusters = plan.clusters.map(sampleCluster);
  await etcd.prepare(deps.clock);
  if ((await readDesiredKeys(plan.dir)) === undefined) await writeDesiredKeys(plan.dir, initialKeys(clusters));
  const rate = heartbeatInterval === undefined ? [] : [`--heartbeat-interval=${heartbeatInterval}`];
  const flags = [`--etcd-config=${etcd.adminFile}`, `--dir=${plan.dir}`, ...rate];
  const writer = [...nodeProgram('packages/lab/src/samples/main.ts'), ...flags];
  const programs: readonly ServiceProgram[] = [
    etcd.program,
    { name: 'writer', cluster: 'samples', argv: writer, place: etcd.program.place },
    ...clusters.flatMap(({ pods }) => pods.flatMap((pod) => echo(plan, pod))),
  ];
  await runAll(
    programs.map((program) => (stop: AbortSignal) => keepServiceRunning(program, deps, stop)),
    signal,
  );
}

function initialKeys(clusters: readonly SampleCluster[]): Parameters<typeof writeDesiredKeys>[1] {
  return {
    entries: Object.fromEntries(clusters.flatMap(({ entries, derived }) => [...entries, ...derived])),
    canaries: clusters.flatMap(({ canaries }) => canaries),
    beats: true,
  };
}

export function samplePodPlace({ netns, cgroup }: Place, pod: Pick<SamplePod, 'cluster' | 'name'>): Place {
  return {
    ...(netns === undefined ? {} : { netns: samplePodNetns(netns, pod) }),
    ...(cgroup === undefined ? {} : { cgroup }),
  };
}

/** Without a network of its own, a pod cannot answer at its addresses. */
function echo(plan: SamplesPlan, { cluster, namespace, name, host }: SamplePod): readonly ServiceProgram[] {
  if (plan.netns === undefined) return [];
  const who = [`--cluster-name=${cluster}`, `--node-name=${host}`, `--pod-name=${name}`];
  const argv = [...nodeProgram('packages/lab/src/demo/echo.ts'), ...who, '--more-ports=9090'];
  return [{ name: `${namespace}_${name}`, cluster: 'samples', argv, place: samplePodPlace(plan, { cluster, name }) }];
}
