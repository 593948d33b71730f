import { pods } from '@clustermesh/kube';
import type { KubeClient, Pod } from '@clustermesh/kube';
import { silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { eventually } from '@clustermesh/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';

import { ClusterView } from '../cluster-view.ts';
import { mustRun, runCommand } from '../command.ts';
import { ServiceTroubles, keepServiceRunning } from '../control-plane/service-process.ts';
import { takeDown } from '../down.ts';
import { dialThrough } from '../gateway/dial.ts';
import { probeHost } from '../host.ts';
import { KubeApiStore } from '../kube-api/kube-api-store.ts';
import { clusterOf, nodeOf, planMesh } from '../mesh-plan.ts';
import type { MeshPlan } from '../mesh-plan.ts';
import { createMeshNetwork } from '../network/network.ts';
import { ProcessRunner, placedArgv } from '../process/process-runner.ts';
import { nodeProgram } from '../workspace.ts';
import { Kubelet } from './kubelet.ts';
import { podPlace } from './pod-place.ts';
import { labPrograms } from './programs.ts';

const { layout, limitation } = await probeHost();
const describeRoot = limitation === undefined ? describe : describe.skip;
/** Two runs on one machine must not take each other down. */
const mesh = `n${process.pid.toString(36)}`;

describeRoot(`pods in network namespaces${limitation === undefined ? '' : ` (skipped: ${limitation})`}`, () => {
  const stop = new AbortController();
  let plan: MeshPlan;
  let client: KubeClient;
  let running: Promise<unknown>;

  beforeAll(async () => {
    await takeDown(mesh, systemClock);
    const clusters = [
      { name: 'east', id: 1, nodes: 2 },
      { name: 'west', id: 2, nodes: 1 },
    ];
    plan = planMesh({ mesh, clusters }, layout);
    client = new KubeApiStore({ clock: systemClock, random: systemRandom }).client();
    await createMeshNetwork(plan);
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
    const runner = new ProcessRunner({ stateDir: plan.stateDir, clock: systemClock });
    const socket = join(plan.stateDir, 'gateway.sock');
    const gateway = {
      name: 'gateway',
      argv: [...nodeProgram('packages/lab/src/gateway/main.ts'), `--socket=${socket}`],
      place: plan.underlay,
    };
    const view = new ClusterView(client, deps);
    const kubelets = clusterOf(plan, 'east').nodes.map((node) => {
      const logDir = join(plan.stateDir, 'logs');
      const baseEnv = (pod: Pod): Promise<Record<string, string>> =>
        Promise.resolve({ CLUSTER_NAME: 'east', NODE_NAME: node.name, POD_NAME: pod.metadata.name });
      return new Kubelet({
        ...deps,
        client,
        node,
        view,
        programs: labPrograms,
        runner,
        logDir,
        baseEnv,
        dial: dialThrough(socket),
      });
    });
    running = Promise.all([
      keepServiceRunning(
        gateway,
        { ...deps, runner, stateDir: plan.stateDir, troubles: new ServiceTroubles() },
        stop.signal,
      ),
      view.run(stop.signal),
      ...kubelets.map((kubelet) => kubelet.run(stop.signal)),
    ]);
  });

  afterAll(async () => {
    stop.abort();
    await running;
    await takeDown(mesh, systemClock);
  });

  async function startPod(name: string, nodeName: string, image: string): Promise<Pod> {
    const ref = { namespace: 'default', name };
    const probe = image === 'client' ? {} : { readinessProbe: { tcpSocket: { port: 8080 } } };
    await client.create(pods, { metadata: ref, spec: { nodeName, containers: [{ name: 'c', image, ...probe }] } });
    return eventually(async () => {
      const pod = await client.get(pods, ref);
      expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
      return pod;
    });
  }

  /** First line that a TCP server says, asked from inside a pod. */
  async function ask(from: Pod, address: string, port: number): Promise<string> {
    const node = nodeOf(clusterOf(plan, 'east'), from.spec.nodeName ?? '');
    const script = 'exec 3<>"/dev/tcp/$0/$1" && head -n 1 <&3';
    return mustRun(placedArgv(['bash', '-c', script, address, String(port)], podPlace(node, from)), {
      timeoutMs: 3000,
    });
  }

  it('reach each other on one node and across nodes, and are probed from outside', async () => {
    const [asker, near, far] = await Promise.all([
      startPod('asker', 'n1', 'client'),
      startPod('near', 'n1', 'echo'),
      startPod('far', 'n2', 'echo'),
    ]);
    expect(near.status?.podIP).toMatch(/^10\.1\.1\.\d+$/);
    expect(far.status?.podIP).toMatch(/^10\.1\.2\.\d+$/);
    expect(await ask(asker, near.status?.podIP ?? '', 8080)).toBe('east/near\n');
    expect(await ask(asker, far.status?.podIP ?? '', 8080)).toBe('east/far\n');
  });

  it('run in a cgroup of their own below their node’s, and leave nothing behind', async () => {
    const pod = await startPod('short', 'n1', 'client');
    const ref = { namespace: 'default', name: 'short' };
    const node = nodeOf(clusterOf(plan, 'east'), 'n1');
    const place = podPlace(node, pod);
    const group = (await mustRun(placedArgv(['cat', '/proc/self/cgroup'], place)))
      .split('\n')
      .find((line) => line.startsWith('0::'));
    expect(place.cgroup).toContain(`/clustermesh-${mesh}/east/n1/default_short_`);
    expect(group?.slice(3)).toBe(place.cgroup?.slice(layout.cgroupRoot?.length));
    await client.delete(pods, ref);
    await eventually(() => expect(client.get(pods, ref)).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' }));
    const links = await mustRun(['ip', '-n', node.netns ?? '', '-o', 'link']);
    expect(links).not.toContain(place.network?.link);
    expect((await runCommand(['test', '-e', place.cgroup ?? ''])).exitCode).toBe(1);
    expect((await runCommand(['test', '-e', `/run/netns/${place.netns ?? ''}`])).exitCode).toBe(1);
  });
});
