import { pods, secrets } from '@clustermesh/kube';
import type { KubeClient, Pod, PodSpec } from '@clustermesh/kube';
import { MeshError, silentLogger, systemClock, systemRandom } from '@clustermesh/runtime';
import { eventually, freePort } from '@clustermesh/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ClusterView } from '../cluster-view.ts';
import { dialDirectly } from '../gateway/dial.ts';
import { KubeApiStore } from '../kube-api/kube-api-store.ts';
import { clusterOf, nodeOf, planMesh } from '../mesh-plan.ts';
import type { NodePlan } from '../mesh-plan.ts';
import { findMarkedProcesses } from '../process/proc.ts';
import { ProcessRunner, killRecord } from '../process/process-runner.ts';
import { Kubelet } from './kubelet.ts';

/** The shell of this machine stands for every image; what a container does is its arguments. */
const programs = new Map([['shell', ['sh', '-c']]]);
const ref = { namespace: 'default', name: 'p' };

let stateDir: string;
let client: KubeClient;
let node: NodePlan;
let stop: AbortController;
let running: Promise<unknown>;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'kubelet-'));
  client = new KubeApiStore({ clock: systemClock, random: systemRandom }).client();
  const topology = { mesh: 'test', clusters: [{ name: 'east', id: 1, nodes: 1 }] };
  node = nodeOf(clusterOf(planMesh(topology, { mode: 'rootless', stateRoot: stateDir }), 'east'), 'n1');
  startKubelet();
});

afterEach(async () => {
  await stopKubelet();
  for (const left of await findMarkedProcesses(stateDir)) await killRecord(left, 'SIGKILL');
  await rm(stateDir, { recursive: true, force: true });
});

function startKubelet(): void {
  stop = new AbortController();
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
  const view = new ClusterView(client, deps);
  const kubelet = new Kubelet({
    ...deps,
    client,
    node,
    view,
    programs,
    runner: new ProcessRunner({ stateDir, clock: systemClock }),
    dial: dialDirectly,
    logDir: join(stateDir, 'logs'),
    baseEnv: () => Promise.resolve({}),
  });
  running = Promise.all([view.run(stop.signal), kubelet.run(stop.signal)]);
}

async function stopKubelet(): Promise<void> {
  stop.abort();
  await running;
}

async function createPod(spec: Partial<PodSpec>): Promise<void> {
  const pod: Pod = {
    metadata: ref,
    spec: { nodeName: 'n1', hostNetwork: true, containers: [], terminationGracePeriodSeconds: 1, ...spec },
  };
  await client.create(pods, pod);
}

function shell(name: string, script: string, more: Partial<PodSpec['containers'][number]> = {}) {
  return { name, image: 'test/shell:v1', args: [script], ...more };
}

async function expectReady(want: 'True' | 'False'): Promise<Pod> {
  return eventually(async () => {
    const pod = await client.get(pods, ref);
    expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe(want);
    return pod;
  });
}

async function marked(): Promise<readonly number[]> {
  return (await findMarkedProcesses(stateDir)).map(({ pid }) => pid).sort((a, b) => a - b);
}

describe('Kubelet', () => {
  it('runs init containers in order, then the containers, and reports the pod ready at its node’s address', async () => {
    const mount = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    await createPod({
      initContainers: [
        shell('one', 'echo one >>/data/log', mount),
        shell('two', 'sleep 0.1; echo two >>/data/log', mount),
      ],
      containers: [shell('main', 'echo main >>/data/log; exec sleep 60', mount)],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    const pod = await expectReady('True');
    expect(pod.status).toMatchObject({ phase: 'Running', podIP: '127.30.1.11', hostIP: '127.30.1.11' });
    const log = join(node.dir, 'pods', pod.metadata.uid ?? '', 'volumes/data/log');
    expect(await eventually(async () => expectText(log, 'one\ntwo\nmain\n'))).toBe('one\ntwo\nmain\n');
  });

  it('starts a container that ends again, and counts it', async () => {
    await createPod({ containers: [shell('main', 'exit 3')] });
    await eventually(async () => {
      const { status } = await client.get(pods, ref);
      expect(status?.containerStatuses?.[0]?.restartCount).toBeGreaterThanOrEqual(2);
    });
  });

  it('keeps conditions that others write, and waits with Ready for its readiness gate', async () => {
    await createPod({
      readinessGates: [{ conditionType: 'mesh/in-sync' }],
      containers: [shell('main', 'exec sleep 60')],
    });
    const conditionOf = (pod: Pod, wanted: string): string | undefined =>
      pod.status?.conditions?.find(({ type }) => type === wanted)?.status;
    await eventually(async () => {
      const pod = await client.get(pods, ref);
      expect([conditionOf(pod, 'ContainersReady'), conditionOf(pod, 'Ready')]).toEqual(['True', 'False']);
    });
    const conditions = [{ type: 'mesh/in-sync', status: 'True' }];
    await client.patch(pods, ref, { status: { conditions } }, { kind: 'strategic', subresource: 'status' });
    expect(conditionOf(await expectReady('True'), 'mesh/in-sync')).toBe('True');
  });

  it('shows a changed secret in the directory of a running container', async () => {
    await client.create(secrets, { metadata: { namespace: 'default', name: 's' }, data: { key: btoa('before') } });
    await createPod({
      containers: [shell('main', 'exec sleep 60', { volumeMounts: [{ name: 'v', mountPath: '/secret' }] })],
      volumes: [{ name: 'v', secret: { secretName: 's' } }],
    });
    const pod = await expectReady('True');
    const file = join(node.dir, 'pods', pod.metadata.uid ?? '', 'volumes/v/key');
    expect(await readFile(file, 'utf8')).toBe('before');
    await client.patch(
      secrets,
      { namespace: 'default', name: 's' },
      { data: { key: btoa('after') } },
      { kind: 'merge' },
    );
    await eventually(() => expectText(file, 'after'));
  });

  it('waits for a needed secret', async () => {
    await createPod({
      containers: [shell('main', 'exec sleep 60')],
      volumes: [{ name: 'v', secret: { secretName: 'late' } }],
    });
    await expectReady('False');
    expect(await marked()).toEqual([]);
    await client.create(secrets, { metadata: { namespace: 'default', name: 'late' }, data: {} });
    await expectReady('True');
  });

  it('is ready only while the probe is answered', async () => {
    const port = await freePort();
    await createPod({
      containers: [
        shell('main', 'exec sleep 60', {
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 1 },
        }),
      ],
    });
    await expectReady('False');
    const server = createServer().listen(port, '127.30.1.11');
    await expectReady('True');
    server.close();
    await expectReady('False');
  });

  it('asks by HTTP, and takes an error for not ready', async () => {
    let status = 500;
    const server = createHttpServer((_, response) => response.writeHead(status).end()).listen(0, '127.30.1.11');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await createPod({
      containers: [shell('main', 'exec sleep 60', { readinessProbe: { httpGet: { path: '/readyz', port } } })],
    });
    await expectReady('False');
    status = 200;
    await expectReady('True');
    server.close();
  });

  it('asks by a command that sees the volumes of the container', async () => {
    await createPod({
      containers: [
        shell('main', 'sleep 0.5; touch /data/done; exec sleep 60', {
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
          readinessProbe: { exec: { command: ['test', '-e', '/data/done'] } },
        }),
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    await expectReady('False');
    await expectReady('True');
  });

  it('ends the processes of a deleted pod and then the pod', async () => {
    await createPod({
      containers: [shell('stubborn', "trap '' TERM; while :; do sleep 0.1; done"), shell('other', 'exec sleep 60')],
    });
    await expectReady('True');
    await client.delete(pods, ref);
    await eventually(() => expect(client.get(pods, ref)).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' }));
    await eventually(async () => expect(await marked()).toEqual([]));
    expect(await readdir(join(node.dir, 'pods'))).toEqual([]);
  });

  it('takes over running containers of an earlier run, and ends pods that were deleted meanwhile', async () => {
    await createPod({ containers: [shell('main', 'exec sleep 60')] });
    await expectReady('True');
    const before = await marked();
    await stopKubelet();
    expect(await marked()).toEqual(before);
    startKubelet();
    await eventually(async () => {
      const { status } = await client.get(pods, ref);
      expect(status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
    });
    expect(await marked()).toEqual(before);
    await stopKubelet();
    await client.delete(pods, ref, { gracePeriodSeconds: 0 });
    startKubelet();
    await eventually(async () => expect(await marked()).toEqual([]));
  });

  it('ends no pod when it is stopped before it has seen any', async () => {
    await createPod({ containers: [shell('main', 'exec sleep 60')] });
    await expectReady('True');
    const before = await marked();
    await stopKubelet();
    client.list = () => Promise.reject(new MeshError('KUBE_UNAVAILABLE', 'list', { retryable: true }));
    startKubelet();
    await stopKubelet();
    expect(await marked()).toEqual(before);
  });

  it('shows a pod of its own network as ready without running it', async () => {
    await createPod({ hostNetwork: false, containers: [shell('main', 'exec sleep 60')] });
    const pod = await expectReady('True');
    expect(pod.status?.podIP).toBe('10.1.1.2');
    expect(await marked()).toEqual([]);
  });
});

async function expectText(path: string, want: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  expect(text).toBe(want);
  return text;
}
