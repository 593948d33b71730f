import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath, pid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { objectNames, objectPath } from '@clustermesh/bpf';
import { KernelMap, mountBpffs, probeKernel, readMapDefinitions, unmountBpffs } from '@clustermesh/ebpf';
import { TestProcess, eventually } from '@clustermesh/testkit';
import { credentials, makeClientConstructor } from '@grpc/grpc-js';

import { cgroupHooks, tunnelHooks } from './datapath/kernel/hooks.ts';
import { encodeServiceKey, encodeServiceValue, serviceValueLayout } from './maps/service.ts';
import type { AgentStatus } from './status/agent-status.ts';
import { statusServiceDefinition } from './status/status-service.ts';

jest.setTimeout(60_000);

const { usable, missing, cgroup2, attachMethod } = probeKernel();
const describeKernel = usable ? describe : describe.skip;
const suffix = usable ? '' : ` (needs ${missing.join(', ')})`;

/** A node of its own: network namespace, cgroup, bpffs. Its control plane cannot be reached. */
class TestNode implements Disposable {
  readonly netns = `clustermesh-agent-${pid}`;
  readonly dir = mkdtempSync(join(tmpdir(), 'clustermesh-agent-'));
  readonly cgroup = join(cgroup2 ?? '', this.netns);
  readonly bpfFs = join(this.dir, 'bpf');
  readonly socket = join(this.dir, 'agent.sock');

  constructor() {
    execFileSync('ip', ['netns', 'add', this.netns]);
    mkdirSync(this.cgroup);
    mountBpffs(this.bpfFs);
    writeFileSync(join(this.dir, 'etcd.yaml'), 'endpoints: ["http://127.0.0.1:1"]\ninsecure-transport: true\n');
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(join(this.dir, 'kubeconfig'), JSON.stringify(kubeconfig));
  }

  agent(...flags: readonly string[]): TestProcess {
    return new TestProcess('nsenter', [
      `--net=/run/netns/${this.netns}`,
      execPath,
      '--conditions=mesh-source',
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('main.ts', import.meta.url)),
      '--cluster-name=west',
      '--cluster-id=1',
      '--node-name=node1',
      '--datapath=ebpf',
      `--cache-config=${this.dir}/etcd.yaml`,
      `--kubeconfig=${this.dir}/kubeconfig`,
      `--bpf-fs=${this.bpfFs}`,
      `--cgroup-root=${this.cgroup}`,
      `--status-socket=${this.socket}`,
      '--bpf-slot-map-max=1024',
      '--bpf-backend-map-max=1024',
      '--bpf-ipcache-map-max=1024',
      '--bpf-node-map-max=64',
      ...flags,
    ]);
  }

  async status(): Promise<AgentStatus> {
    const Client = makeClientConstructor(statusServiceDefinition(), 'Status');
    const client = new Client(`unix:${this.socket}`, credentials.createInsecure());
    try {
      return await new Promise((resolve, reject) => {
        const done = (error: Error | null, status: AgentStatus): void =>
          error === null ? resolve(status) : reject(error);
        (client as unknown as { getStatus(request: object, callback: typeof done): void }).getStatus({}, done);
      });
    } finally {
      client.close();
    }
  }

  pins(folder: 'maps' | 'links'): readonly string[] {
    return readdirSync(join(this.bpfFs, folder)).sort();
  }

  hasTunnelDevice(): boolean {
    return execFileSync('ip', ['-n', this.netns, 'link', 'show'], { encoding: 'utf8' }).includes('mesh_vxlan');
  }

  /** At the tunnel device. */
  filters(): readonly string[] {
    const args = ['-n', this.netns, 'filter', 'show', 'dev', 'mesh_vxlan', 'ingress'];
    return execFileSync('tc', args, { encoding: 'utf8' }).match(/handle 0x[0-9a-f]+/g) ?? [];
  }

  [Symbol.dispose](): void {
    unmountBpffs(this.bpfFs);
    rmSync(this.dir, { recursive: true });
    rmdirSync(this.cgroup);
    execFileSync('ip', ['netns', 'delete', this.netns]);
  }
}

const allMaps = [
  ...new Set(objectNames.flatMap((name) => [...readMapDefinitions({ path: objectPath(name) }).keys()])),
].sort();
const allLinks = [...cgroupHooks, ...tunnelHooks].map(({ link }) => link).sort();

describeKernel(`the agent on a kernel, without a control plane${suffix}`, () => {
  let node: TestNode;
  let agent: TestProcess;

  beforeEach(async () => {
    node = new TestNode();
    agent = await started();
  });
  afterEach(async () => {
    await agent.end('SIGKILL');
    node[Symbol.dispose]();
  });

  async function started(...flags: readonly string[]): Promise<TestProcess> {
    const process = node.agent(...flags);
    await eventually(async () => expect((await node.status()).datapath.mode).toBe('ebpf'), { timeoutMs: 30_000 });
    return process;
  }

  function svc(): KernelMap {
    return KernelMap.openPinned('svc', join(node.bpfFs, 'maps', 'svc'));
  }

  it('attaches its programs, says what it waits for, and leaves everything in place when it ends (I7)', async () => {
    expect(node.pins('maps')).toEqual(allMaps);
    expect(node.pins('links')).toEqual(allLinks);
    expect(node.hasTunnelDevice()).toBe(true);
    const waiting = (await node.status()).health.filter(({ state }) => state === 'degraded').map(({ name }) => name);
    expect(waiting).toEqual(expect.arrayContaining(['clusters', 'kube/services']));
    await agent.end('SIGTERM');
    expect(node.pins('maps')).toEqual(allMaps);
    expect(node.pins('links')).toEqual(allLinks);
    expect(node.hasTunnelDevice()).toBe(true);
  });

  it('attaches by filters where it is told to, in place of its predecessor’s links, and back (I7)', async () => {
    await agent.end('SIGTERM');
    agent = await started('--tc-attach=clsact');
    expect((await node.status()).datapath.attachMethod).toBe('clsact');
    expect(node.filters()).toHaveLength(1);
    await agent.end('SIGKILL');
    expect(node.filters()).toHaveLength(1);
    agent = await started();
    expect((await node.status()).datapath.attachMethod).toBe(attachMethod);
    expect([node.pins('links'), node.filters().length]).toEqual([allLinks, attachMethod === 'tcx' ? 0 : 1]);
  });

  it('attaches hooks that its predecessor did not have', async () => {
    await agent.end('SIGTERM');
    for (const { link } of cgroupHooks) if (link !== 'connect4') rmSync(join(node.bpfFs, 'links', link));
    agent = await started();
    expect(node.pins('links')).toEqual(allLinks);
  });

  it('keeps a predecessor\u2019s services while it knows nothing, also after a kill (I4, I7)', async () => {
    const address = Uint8Array.from({ length: 16 }, (_, index) => index);
    const key = encodeServiceKey({ address, port: 80, protocol: 6 });
    const value = new Uint8Array(serviceValueLayout.size);
    const empty = { slotBase: 0, count: 0, total: 0, homeFirst: 0, homeCount: 0, flags: 0, affinityTimeoutS: 0 };
    encodeServiceValue({ ...empty, serviceId: 9 }, value);
    svc().update(key, value);
    await agent.end('SIGKILL');
    agent = await started();
    expect((await node.status()).datapath.maps).toContainEqual({ name: 'svc', entries: 1, maxEntries: 65_536 });
    expect(svc().lookup(key)).toEqual(value);
  });

  it('keeps what the maps hold when their size changed (I7)', async () => {
    const key = encodeServiceKey({ address: new Uint8Array(16), port: 80, protocol: 6 });
    svc().update(key, new Uint8Array(24));
    await agent.end('SIGTERM');
    agent = await started('--bpf-service-map-max=32');
    expect((await node.status()).datapath.maps).toContainEqual({ name: 'svc', entries: 1, maxEntries: 32 });
    expect(svc().lookup(key)).toEqual(new Uint8Array(24));
    expect(node.pins('maps')).toEqual(allMaps);
  });

  it('refuses maps of a newer layout, and leaves them as they are', async () => {
    await agent.end('SIGTERM');
    const meta = KernelMap.openPinned('meta', join(node.bpfFs, 'maps', 'meta'));
    const record = meta.lookup(new Uint8Array(4)) ?? new Uint8Array();
    meta.update(new Uint8Array(4), Uint8Array.of(99, ...record.subarray(1)));
    agent = node.agent();
    await eventually(() => expect(agent.exited).toBe(true), { timeoutMs: 30_000 });
    expect(agent.output).toContain('BPF_ABI_MISMATCH');
    expect(agent.output).toContain('their layout has version 99, this agent knows 2');
    expect(meta.lookup(new Uint8Array(4))?.[0]).toBe(99);
    expect(node.pins('maps')).toEqual(allMaps);
    meta.close();
  });

  it('--cleanup takes everything out of the kernel', async () => {
    await agent.end('SIGTERM');
    const cleanup = node.agent('--cleanup');
    await eventually(() => expect(cleanup.exited).toBe(true), { timeoutMs: 30_000 });
    expect(node.pins('maps')).toEqual([]);
    expect(node.pins('links')).toEqual([]);
    expect(node.hasTunnelDevice()).toBe(false);
  });
});
