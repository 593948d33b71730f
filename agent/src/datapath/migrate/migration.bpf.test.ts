import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, rmdirSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath, pid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { objectPath } from '@clustermesh/bpf';
import { KernelMap, attachCgroup, mapFlag, mountBpffs, probeKernel, unmountBpffs } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';
import { silentLogger } from '@clustermesh/runtime';
import { TestProcess, eventually } from '@clustermesh/testkit';
import { parseIp } from '@clustermesh/wire';

import { BackendRecords } from '../../maps/backend.ts';
import { defaultMapSizes } from '../../maps/datapath-maps.ts';
import type { DatapathMaps, MapSizes } from '../../maps/datapath-maps.ts';
import { abiVersion, decodeMeta } from '../../maps/meta.ts';
import { encodeServiceKey, serviceValueLayout } from '../../maps/service.ts';
import { SlotRecords } from '../../maps/slot.ts';
import { KernelDatapath } from '../kernel/kernel-datapath.ts';
import type { KernelDatapathOptions } from '../kernel/kernel-datapath.ts';
import { loadObjects } from '../kernel/objects.ts';
import type { OpenOrder } from '../kernel/testing/open-until-step.ts';
import { removeTunnelDevice } from '../kernel/tunnel-device.ts';
import type { Abi } from './abi-steps.ts';

// A dozen agents, one after the other, on a busy machine.
jest.setTimeout(240_000);

const { usable, missing, cgroup2, attachMethod } = probeKernel();
const describeKernel = usable ? describe : describe.skip;
const signal = new AbortController().signal;

const sizes: MapSizes = { ...defaultMapSizes, svc: 64, slot: 256, backend: 64, node: 64, ipc_host: 64, aff: 64 };
/** Nobody listens there: an untranslated connection is refused. */
const vip = { ip: '127.240.0.1', port: 1 };
const serviceId = 7;
const affinity = { key: new Uint8Array(16).fill(3), value: new Uint8Array(16).fill(4) };

/** A node with one service that has one backend, and a client that connects to it all the time. */
class TestNode implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'clustermesh-migrate-'));
  readonly bpfFs = join(this.dir, 'bpf');
  readonly cgroup = join(cgroup2 ?? '', `clustermesh-migrate-${pid}`);
  readonly tunnel = { name: `mm${pid}`, port: 20_000 + (pid % 40_000) };
  readonly #server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end('hello');
  });
  #client: TestProcess | undefined;

  constructor() {
    mkdirSync(this.cgroup);
    mountBpffs(this.bpfFs);
  }

  options(change: Partial<KernelDatapathOptions> = {}): KernelDatapathOptions {
    return {
      bpfFs: this.bpfFs,
      cgroupRoot: this.cgroup,
      tunnel: this.tunnel,
      attachMethod,
      mtu: 0,
      podInterfaces: 'none',
      clusterId: 1,
      policyScope: 'mesh',
      flowEventRate: 1_000,
      nodeAddresses: { ipv4: new Uint8Array(16), ipv6: new Uint8Array(16) },
      sizes,
      agentVersion: '1.2.3',
      onAbiMismatch: 'refuse',
      ...change,
    };
  }

  open(change: Partial<KernelDatapathOptions> = {}): Promise<KernelDatapath> {
    return KernelDatapath.open(this.options(change), silentLogger, signal);
  }

  /** What an agent would have written, and what programs write themselves. */
  async fill(maps: DatapathMaps): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    writeService(maps, port);
    this.edit('aff', (map) => map.update(affinity.key, affinity.value));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections from now on, until `connects`. */
  async startTraffic(): Promise<void> {
    const script = fileURLToPath(new URL('../kernel/testing/connect-loop.ts', import.meta.url));
    this.#client = new TestProcess(execPath, [script, this.cgroup, vip.ip, String(vip.port)]);
    await this.#client.printed('connecting');
  }

  async connects(): Promise<{ readonly connects: number; readonly failures: readonly string[] }> {
    const client = this.#client;
    if (client === undefined) throw new Error('there is no traffic');
    await client.end('SIGTERM');
    return JSON.parse(client.output.split('\n')[1] ?? '') as { connects: number; failures: string[] };
  }

  edit<T>(map: string, how: (map: KernelMap) => T): T {
    const opened = KernelMap.openPinned(map, join(this.bpfFs, 'maps', map));
    try {
      return how(opened);
    } finally {
      opened.close();
    }
  }

  /** Everything that must survive, by map. */
  contents(): Readonly<Record<string, unknown>> {
    const names = ['svc', 'slot', 'backend', 'node', 'ipc_host', 'aff'];
    return Object.fromEntries(names.map((name) => [name, this.edit(name, usedEntries)]));
  }

  /** The kernel itself puts files for debugging into a bpffs. */
  folders(): readonly string[] {
    return readdirSync(this.bpfFs)
      .filter((name) => !name.endsWith('.debug'))
      .sort();
  }

  /** By the name of its pin. */
  links(): Readonly<Record<string, LinkShow>> {
    const show = (name: string): LinkShow =>
      JSON.parse(run('bpftool', '-j', 'link', 'show', 'pinned', join(this.bpfFs, 'links', name))) as LinkShow;
    return Object.fromEntries(this.pins('links').map((name) => [name, show(name)]));
  }

  pins(folder: string): readonly string[] {
    return readdirSync(join(this.bpfFs, folder)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end('SIGKILL');
    await new Promise((resolve) => this.#server.close(resolve));
    unmountBpffs(this.bpfFs);
    await removeTunnelDevice(this.tunnel.name, signal);
    rmSync(this.dir, { recursive: true });
    rmdirSync(this.cgroup);
  }
}

/** Of `bpftool link show` and `ip link show`. */
interface LinkShow {
  readonly id?: number;
  readonly prog_id?: number;
  readonly ifindex?: number;
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' });
}

function addressOf(ip: string): Uint8Array {
  const bytes = parseIp(ip);
  if (bytes === undefined) throw new Error(`${ip} is no address`);
  return bytes;
}

const serviceKey = encodeServiceKey({ address: addressOf(vip.ip), port: vip.port, protocol: 6 });

function writeService(maps: DatapathMaps, port: number, backendId = 40): void {
  const backend = { address: addressOf('127.0.0.1'), port, protocol: 6, clusterId: 1, zone: 0 };
  new BackendRecords(maps.backend).write(backendId, serviceId, backend);
  new SlotRecords(maps.slot).write(16, backendId, serviceId);
  const value = new Uint8Array(serviceValueLayout.size);
  const view = new DataView(value.buffer);
  view.setUint32(serviceValueLayout.slotBase, 16, true);
  view.setUint16(serviceValueLayout.count, 1, true);
  view.setUint32(serviceValueLayout.serviceId, serviceId, true);
  view.setUint16(serviceValueLayout.total, 1, true);
  maps.svc.update(serviceKey, value);
}

function usedEntries(map: BpfMap): readonly unknown[] {
  const entries = [...map.entries()].map(([key, value]) => [key.join(' '), value.join(' ')] as const);
  return entries.filter(([, value]) => /[1-9]/.test(value)).sort();
}

/** The service map as it would have been in a version before: no room for total and what follows it. */
const oldServiceSize = 16;
const widened: Abi = {
  version: abiVersion + 1,
  steps: [
    {
      from: abiVersion,
      to: abiVersion + 1,
      maps: {
        svc: ({ key, value }) => {
          const wider = new Uint8Array(serviceValueLayout.size);
          wider.set(value);
          wider.set(value.subarray(serviceValueLayout.count, serviceValueLayout.count + 2), serviceValueLayout.total);
          return { key, value: wider };
        },
      },
    },
  ],
};

describeKernel(`migration of pinned maps${usable ? '' : ` (needs ${missing.join(', ')})`}`, () => {
  let node: TestNode;

  beforeEach(async () => {
    node = new TestNode();
    using first = await node.open();
    await node.fill(first.maps);
  });
  afterEach(() => node[Symbol.asyncDispose]());

  const sizesOf = (names: readonly string[]): readonly number[] =>
    names.map((name) => node.edit(name, ({ maxEntries }) => maxEntries));

  it('resizes maps under load: no connect fails, everything is there, nothing is left over (I7)', async () => {
    const before = node.contents();
    const pins = node.pins('maps');
    await node.startTraffic();
    const larger = { ...sizes, svc: 128, slot: 512, backend: 128, ipc_host: 4_096, aff: 1_024 };
    for (const wanted of [larger, sizes, larger, sizes, larger]) {
      using opened = await node.open({ sizes: wanted });
      expect(opened.programs.notices).toEqual([]);
      expect(opened.maps.svc.maxEntries).toBe(wanted.svc);
    }
    const { connects, failures } = await node.connects();
    expect(failures).toEqual([]);
    expect(connects).toBeGreaterThan(0);
    expect(node.contents()).toEqual(before);
    expect(sizesOf(['svc', 'slot', 'backend', 'ipc_host', 'aff'])).toEqual([128, 512, 128, 4_096, 1_024]);
    expect(node.pins('maps')).toEqual(pins);
    expect(node.folders()).toEqual(['links', 'maps']);
  });

  it('leaves a map as large as what is in use, and says so', async () => {
    const before = node.contents();
    using opened = await node.open({ sizes: { ...sizes, backend: 32, slot: 16, svc: 8 } });
    expect(opened.programs.notices.toSorted()).toEqual([
      expect.stringMatching(/map backend keeps 64 entries: 32 have no room/),
      expect.stringMatching(/map slot keeps 256 entries: 16 have no room/),
    ]);
    expect(sizesOf(['svc', 'slot', 'backend'])).toEqual([8, 256, 64]);
    expect(node.contents()).toEqual(before);
  });

  it('brings records of an earlier layout into the new one', async () => {
    const value = node.edit('svc', (map) => map.lookup(serviceKey)) ?? new Uint8Array();
    const definition = { type: 'hash', keySize: 24, maxEntries: 64, flags: mapFlag.noPrealloc } as const;
    const old = KernelMap.create('svc', { ...definition, valueSize: oldServiceSize });
    old.update(serviceKey, value.subarray(0, oldServiceSize));
    old.pin(join(node.bpfFs, 'maps', 'svc_old'));
    old.close();
    renameSync(join(node.bpfFs, 'maps', 'svc_old'), join(node.bpfFs, 'maps', 'svc'));

    using opened = await node.open({ abi: widened });
    expect(opened.programs.abiVersion).toBe(abiVersion + 1);
    expect(node.edit('svc', (map) => map.lookup(serviceKey))).toEqual(value);
    expect(node.edit('meta', (map) => decodeMeta(map.lookup(new Uint8Array(4)) ?? new Uint8Array(88)))).toMatchObject({
      abiVersion: abiVersion + 1,
      agentVersion: '1.2.3',
    });
    await node.startTraffic();
    await eventually(() => expect(opened.isInUse).toBe(true));
    expect((await node.connects()).failures).toEqual([]);
  });

  it('changes the layout version under load', async () => {
    const same: Abi = {
      version: abiVersion + 1,
      steps: [{ from: abiVersion, to: abiVersion + 1, maps: { svc: (record) => record } }],
    };
    const before = node.contents();
    await node.startTraffic();
    using opened = await node.open({ abi: same });
    expect(opened.programs.abiVersion).toBe(abiVersion + 1);
    expect((await node.connects()).failures).toEqual([]);
    expect(node.contents()).toEqual(before);
  });

  it('goes on with the maps of a version that wrote no policy, and starts judging only once there is some', async () => {
    node.edit('meta', (map) => {
      const record = map.lookup(new Uint8Array(4)) ?? new Uint8Array();
      map.update(new Uint8Array(4), Uint8Array.of(1, ...record.subarray(1)));
    });
    for (const name of ['policy', 'policy_len']) unlinkSync(join(node.bpfFs, 'maps', name));
    const before = node.contents();
    await node.startTraffic();
    using opened = await node.open();
    expect(opened.isInUse).toBe(false);
    // Both see what is written meanwhile: it is the same map.
    opened.maps.ipc_host.update(new Uint8Array(24).fill(1), new Uint8Array(8));
    expect(node.edit('ipc_host', (map) => map.lookup(new Uint8Array(24).fill(1)))).toBeDefined();
    opened.maps.ipc_host.delete(new Uint8Array(24).fill(1));
    expect(node.folders()).toContain('maps_next');
    opened.useMaps();
    expect((await node.connects()).failures).toEqual([]);
    expect(node.contents()).toEqual(before);
    expect(node.edit('meta', (map) => map.lookup(new Uint8Array(4))?.[0])).toBe(abiVersion);
    expect(node.pins('maps')).toEqual(expect.arrayContaining(['policy', 'policy_len']));
    expect(node.folders()).toEqual(['links', 'maps']);
  });

  it('refuses maps of a version that it does not know, and touches nothing', async () => {
    node.edit('meta', (map) => {
      const record = map.lookup(new Uint8Array(4)) ?? new Uint8Array();
      map.update(new Uint8Array(4), Uint8Array.of(9, ...record.subarray(1)));
    });
    const before = node.contents();
    await node.startTraffic();
    await expect(node.open({ sizes: { ...sizes, svc: 128 } })).rejects.toMatchObject({
      code: 'BPF_ABI_MISMATCH',
      message: expect.stringMatching(/made by agent 1\.2\.3.*layout has version 9, this agent knows 2.*=replace/),
    });
    expect((await node.connects()).failures).toEqual([]);
    expect(node.contents()).toEqual(before);
    expect(sizesOf(['svc'])).toEqual([64]);
  });

  it('replaces them where it is told to: programs go on with the old maps until the new ones are filled', async () => {
    node.edit('meta', (map) => {
      const record = map.lookup(new Uint8Array(4)) ?? new Uint8Array();
      map.update(new Uint8Array(4), Uint8Array.of(9, ...record.subarray(1)));
    });
    await node.startTraffic();
    using opened = await node.open({ onAbiMismatch: 'replace' });
    expect(opened.isInUse).toBe(false);
    expect([...opened.maps.svc.entries()]).toEqual([]);
    writeService(opened.maps, node.port, 5);
    opened.useMaps();
    opened.useMaps();
    expect(opened.isInUse).toBe(true);
    // The old backend record is gone with the old maps: connections take the new one.
    await eventually(() => expect(node.edit('backend', usedEntries)).toHaveLength(1));
    const { connects, failures } = await node.connects();
    expect(failures).toEqual([]);
    expect(connects).toBeGreaterThan(0);
    expect(node.edit('meta', (map) => map.lookup(new Uint8Array(4))?.[0])).toBe(abiVersion);
    expect(node.folders()).toEqual(['links', 'maps']);
  });

  it('refuses a pin under a map\u2019s name that is no map', async () => {
    rmSync(join(node.bpfFs, 'maps', 'ep_if'));
    renameSync(join(node.bpfFs, 'links', 'from_overlay'), join(node.bpfFs, 'maps', 'ep_if'));
    await expect(node.open()).rejects.toMatchObject({
      code: 'BPF_ABI_MISMATCH',
      message: expect.stringContaining('ep_if is a link, not a map'),
    });
  });

  it('keeps maps and programs that worked when a new program is refused', async () => {
    const before = node.contents();
    const broken = fileURLToPath(new URL('../../../../bpf/tests/prebuilt/rejected.o', import.meta.url));
    await node.startTraffic();
    const open = node.open({
      sizes: { ...sizes, svc: 128 },
      objectPath: (name) => (name === 'mesh_overlay' ? broken : objectPath(name)),
    });
    await expect(open).rejects.toMatchObject({ code: 'BPF_LOAD_FAILED' });
    expect((await node.connects()).failures).toEqual([]);
    expect(node.contents()).toEqual(before);
    expect(sizesOf(['svc'])).toEqual([64]);
    expect(node.folders()).toEqual(['links', 'maps']);
  });

  it('leaves nothing behind when programs cannot be attached', async () => {
    const before = node.contents();
    const cgroupRoot = join(node.cgroup, 'missing');
    const open = node.open({ sizes: { ...sizes, svc: 128 }, cgroupRoot });
    await expect(open).rejects.toMatchObject({ code: 'ENOENT' });
    expect(node.contents()).toEqual(before);
    expect(node.folders()).toEqual(['links', 'maps']);
  });

  it.each([
    { name: 'taken over', wanted: sizes },
    { name: 'migrated', wanted: { ...sizes, svc: 128 } },
  ])('gives links another program, those of pods too, and makes none anew when maps are $name', async ({ wanted }) => {
    const pod = `mp${pid}`;
    run('ip', 'link', 'add', pod, 'type', 'veth', 'peer', 'name', `mq${pid}`);
    using _device = { [Symbol.dispose]: () => void run('ip', 'link', 'del', pod) };
    const { ifindex = 0 } = (JSON.parse(run('ip', '-j', 'link', 'show', 'dev', pod)) as LinkShow[])[0] ?? {};
    {
      using first = await node.open();
      first.devices.attachPod({ name: pod, ifindex, mtu: 1500, mac: new Uint8Array(6), hostMac: new Uint8Array(6) });
    }
    const before = node.links();
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining([`from_container_${ifindex}`, `to_container_${ifindex}`]),
    );
    using _second = await node.open({ sizes: wanted });
    const after = node.links();
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, link] of Object.entries(before)) {
      expect(after[name]?.id).toBe(link.id);
      expect(after[name]?.prog_id).not.toBe(link.prog_id);
    }
  });

  it('attaches hooks that an earlier version lacked, and detaches those that this one lacks', async () => {
    const links = node.pins('links');
    rmSync(join(node.bpfFs, 'links', 'from_overlay'));
    const objects = await loadObjects({ pinDir: join(node.bpfFs, 'maps'), maxEntries: sizes });
    attachCgroup({
      program: objects.mesh_sock.program('mesh_connect4'),
      pinPath: join(node.bpfFs, 'links', 'hook_of_tomorrow'),
      cgroupPath: node.cgroup,
      attachType: 'connect4',
    });
    for (const object of Object.values(objects)) object.close();
    using _opened = await node.open();
    expect(node.pins('links')).toEqual(links);
  });

  it('is finished or rolled back by the next start, wherever a kill hits it (I7)', async () => {
    const before = node.contents();
    const pins = node.pins('maps');
    await node.startTraffic();
    const script = fileURLToPath(new URL('../kernel/testing/open-until-step.ts', import.meta.url));
    const { nodeAddresses: _, ...plain } = node.options();
    const openUntil = async (step: string): Promise<boolean> => {
      const size = sizesOf(['svc'])[0] === 64 ? 128 : 64;
      const order: OpenOrder = {
        step,
        options: { ...plain, sizes: { ...sizes, svc: size, backend: size, aff: size } },
      };
      const opening = new TestProcess(execPath, ['--conditions=mesh-source', script, JSON.stringify(order)]);
      await eventually(() => expect(opening.exited).toBe(true), { timeoutMs: 60_000 });
      expect(opening.output).toBe('');
      expect(node.contents()).toEqual(before);
      return sizesOf(['svc'])[0] === size;
    };
    const untouched = [
      'make a new set of pins',
      'load the programs',
      'copy map svc',
      'copy map backend',
      'attach connect4',
      'attach from_overlay',
      'attach to the pods',
      'copy what is new in map aff',
      'exchange the sets of pins',
    ];
    for (const step of untouched) expect([step, await openUntil(step)]).toEqual([step, false]);
    expect(await openUntil('remove the old set of pins')).toBe(true);
    expect(node.folders()).toEqual(['links', 'maps', 'maps_next']);
    expect(await openUntil('no such step')).toBe(true);
    expect((await node.connects()).failures).toEqual([]);
    expect(node.pins('maps')).toEqual(pins);
    expect(node.folders()).toEqual(['links', 'maps']);
  });
});
