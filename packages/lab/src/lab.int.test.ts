import { deployments, endpointSlices, pods, services } from '@clustermesh/kube';
import type { Deployment, Service } from '@clustermesh/kube';
import { describeError, systemClock } from '@clustermesh/runtime';
import { eventually } from '@clustermesh/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { findCgroup2Root, isMountPoint, probeHost } from './host.ts';
import { Lab } from './lab.ts';
import { listNetns } from './network/network.ts';
import { findMarkedProcesses, isRunning } from './process/proc.ts';
import { findSupervisor } from './supervisor/lab-state.ts';

const { limitation, layout } = await probeHost();

const web: Deployment = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'echo',
            image: 'demo/echo',
            ports: [{ name: 'tcp', containerPort: 8080 }],
            readinessProbe: { tcpSocket: { port: 'tcp' } },
          },
        ],
      },
    },
  },
};
const webService: Service = {
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'tcp', port: 80, targetPort: 'tcp' }] },
};

/** Everything that a lab could leave behind. */
async function traces(mesh: string): Promise<readonly string[]> {
  const stateDir = join(layout.stateRoot, mesh);
  const cgroup = join((await findCgroup2Root()) ?? '', `clustermesh-${mesh}`);
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  return [
    ...(await listNetns(`cm-${mesh}-`)),
    ...(await findMarkedProcesses(stateDir)).map(({ pid }) => `process ${pid}`),
    ...((await isThere(stateDir)) ? [stateDir] : []),
    ...((await isThere(cgroup)) ? [cgroup] : []),
    ...((await isMountPoint(join(stateDir, 'bpf'))) ? ['bpffs'] : []),
  ];
}

async function killSupervisor(mesh: string): Promise<void> {
  const supervisor = await findSupervisor(join(layout.stateRoot, mesh));
  if (supervisor === undefined) throw new Error('no supervisor');
  process.kill(supervisor.pid, 'SIGKILL');
  await eventually(async () => expect(await isRunning(supervisor)).toBe(false));
}

const describeRoot = limitation === undefined ? describe : describe.skip;

describeRoot(`Lab${limitation === undefined ? '' : ` (skipped: ${limitation})`}`, () => {
  // Two runs on one machine must not take each other down.
  const mesh = `t${process.pid.toString(36)}`;
  const interruptedMesh = `i${process.pid.toString(36)}`;
  const topology = { mesh, clusters: [{ name: 'east', id: 1, nodes: 1 }] };
  const up = (): Promise<Lab> => Lab.up(topology, { installMesh: false });
  let lab: Lab;

  beforeAll(async () => {
    await Lab.down(mesh);
    lab = await up();
  }, 60_000);

  afterAll(() => Lab.down(mesh), 30_000);

  it('turns a Deployment and a Service into an answering pod and its slice', async () => {
    const kube = lab.kube('east');
    await kube.create(deployments, web);
    await kube.create(services, webService);
    const address = await eventually(async () => {
      const { items } = await kube.list(endpointSlices, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=web',
      });
      expect(items[0]?.endpoints?.[0]?.conditions?.ready).toBe(true);
      expect(items[0]?.ports).toEqual([{ name: 'tcp', protocol: 'TCP', port: 8080 }]);
      return items[0]?.endpoints?.[0]?.addresses[0] ?? '';
    });
    const [pod] = (await lab.status()).clusters[0]?.pods ?? [];
    expect(pod).toMatchObject({ node: 'n1', ip: address, isReady: true, reason: '' });
    const script = `exec 3<>/dev/tcp/${address}/8080 && head -n 1 <&3`;
    const { stdout } = await lab.exec('east', pod?.name ?? '', ['bash', '-c', script], { timeoutMs: 5000 });
    expect(stdout).toBe(`east/${pod?.name ?? ''}\n`);
  });

  it('lists its programs, and starts one again that is killed', async () => {
    const programs = await lab.programs('east');
    expect(programs.map(({ name, node }) => [name, node])).toEqual([
      ['kube-api', undefined],
      ['echo', 'n1'],
    ]);
    const [, echo] = programs;
    expect(echo?.rssBytes).toBeGreaterThan(2 ** 20);
    expect(Math.abs((echo?.startedMs ?? 0) - Date.now())).toBeLessThan(600_000);
    await expect(lab.kill('east', { name: 'echo', node: 'n2' })).rejects.toMatchObject({ code: 'LAB_INVALID_STATE' });
    expect(await lab.kill('east', { name: 'echo', node: 'n1' })).toMatchObject([{ pid: echo?.pid }]);
    await eventually(async () => {
      const [east] = (await lab.status()).clusters;
      expect(east?.pods).toMatchObject([{ isReady: true, restarts: 1 }]);
    });
    const again = (await lab.programs('east')).find(({ name }) => name === 'echo');
    expect(again?.pod).toBe(echo?.pod);
    expect(again?.pid).not.toBe(echo?.pid);
    expect((await lab.programs()).map(({ name }) => name)).toEqual(['supervisor', 'gateway', 'kube-api', 'echo']);
  }, 30_000);

  it('goes on after its Kubernetes API was killed, with the same objects and processes', async () => {
    const { items: before } = await lab.kube('east').list(pods);
    const echo = (await lab.programs('east')).find(({ name }) => name === 'echo');
    const [killed] = await lab.kill('east', { name: 'kube-api' });
    await eventually(async () => {
      const [east] = (await lab.status()).clusters;
      expect(east?.phase).toBe('ready');
      const programs = await lab.programs('east');
      expect(programs.map(({ name }) => name)).toEqual(['kube-api', 'echo']);
      expect(programs[0]?.pid).not.toBe(killed?.pid);
      expect(programs[1]?.pid).toBe(echo?.pid);
    });
    const { items: after } = await eventually(() => lab.kube('east').list(pods)); // it may run and not listen yet
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  }, 60_000);

  it('goes on after its supervisor was killed, with the same processes', async () => {
    const stateDir = join(layout.stateRoot, mesh);
    const conditions = async (): Promise<unknown> => (await lab.kube('east').list(pods)).items[0]?.status?.conditions;
    const conditionsBefore = await conditions();
    await killSupervisor(mesh);
    await expect(lab.status()).rejects.toThrow(/clustermesh lab up --mesh .* takes over/);
    const before = await findMarkedProcesses(stateDir);
    expect(before.length).toBeGreaterThanOrEqual(3); // kube API, gateway, echo
    lab = await up();
    const [east] = (await lab.status()).clusters;
    expect(east?.pods).toMatchObject([{ isReady: true, restarts: 1 }]);
    expect(await conditions()).toEqual(conditionsBefore); // never unready in between (I7)
    const after = (await findMarkedProcesses(stateDir)).map(({ pid }) => pid);
    expect(after).toEqual(expect.arrayContaining(before.map(({ pid }) => pid)));
  }, 60_000);

  it('refuses to become another lab of the same name', async () => {
    const other = Lab.up({ ...topology, clusters: [{ name: 'west', id: 2, nodes: 1 }] });
    await expect(other).rejects.toMatchObject({ code: 'LAB_INVALID_STATE' });
  });

  it('leaves nothing behind, also when its supervisor was killed before', async () => {
    await killSupervisor(mesh);
    await Lab.down(mesh);
    expect(await traces(mesh)).toEqual([]);
    await Lab.down(mesh);
  }, 30_000);

  it('leaves nothing behind when it is interrupted while it comes up', async () => {
    const stop = new AbortController();
    const up = Lab.up({ ...topology, mesh: interruptedMesh }, { installMesh: false, signal: stop.signal });
    const failure = up.then(
      () => 'came up',
      (error: unknown) => describeError(error),
    );
    await eventually(async () => expect(await readdir(join(layout.stateRoot, interruptedMesh))).toContain('logs'));
    await systemClock.sleep(200);
    stop.abort();
    expect(await failure).toContain('interrupted');
    expect(await traces(interruptedMesh)).toEqual([]);
  }, 30_000);
});
