import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { ipFrame, ipv6Frame } from './packets.ts';
import type { FrameOptions } from './packets.ts';
import { address, cidrKey, endpoint, hostKey, ipcacheEntry, node, u32 } from './records.ts';

const next = -1;
const drop = 2;
const redirect = 7;

const localCluster = 1;
const identity = 65_540;
const pod = '10.1.0.2';
const pod6 = 'fd00:10:1::2';
const localUnderlay = '172.30.1.11';
const localUnderlay6 = 'fd00:30:1::11';
const remoteUnderlay = '172.30.2.11';
const remoteUnderlay6 = 'fd00:30:2::11';
/** A test run without a device runs on the loopback device. */
const loopbackIfindex = 1;

describeKernel('packets from a pod', () => {
  const made = new DisposableStack();
  let loaded: LoadedObject;

  beforeAll(() => {
    const bpffs = made.use(testBpffs());
    loaded = made.use(
      loadObject({
        path: testObject('container'),
        pinDir: `${bpffs.path}/maps`,
        maxEntries: smallMaps,
        rodata: {
          local_cluster_id: localCluster,
          vxlan_ifindex: loopbackIfindex,
          local_underlay: address(localUnderlay),
          local_underlay6: address(localUnderlay6),
        },
      }),
    );
  });

  afterAll(() => made.dispose());

  beforeEach(() => {
    const macs = { mac: '02:00:00:00:00:01', hostMac: '02:00:00:00:00:02' };
    const row = { ifindex: loopbackIfindex, identity, ip: pod, ...macs };
    loaded.map('ep_if').update(u32(loopbackIfindex), endpoint(row));
    for (const ip of [pod, pod6]) loaded.map('ep_ip').update(address(ip), endpoint({ ...row, ip }));
    loaded.map('ep_ip').update(address('10.1.0.9'), endpoint({ ...row, ip: '10.1.0.9', ifindex: 7 }));
    loaded.map('node').update(u32(1), node(remoteUnderlay, 2));
    loaded.map('node').update(u32(2), node('172.30.1.12', localCluster));
    loaded.map('node').update(u32(3), new Uint8Array(32));
    loaded.map('ipc_host').update(hostKey('10.2.0.5'), ipcacheEntry(131_080, 1));
    loaded.map('ipc_host').update(hostKey('10.1.1.5'), ipcacheEntry(65_541, 2));
    loaded.map('ipc_host').update(hostKey('10.3.0.5'), ipcacheEntry(196_616, 3));
    loaded.map('ipc_host').update(hostKey('192.0.2.1'), ipcacheEntry(2, 0));
    loaded.map('ipc_cidr').update(cidrKey('10.2.0.0', 24), ipcacheEntry(2, 1));
    loaded.map('ipc_cidr').update(cidrKey('10.2.7.0', 24), ipcacheEntry(2, 2));
    loaded.map('ipc_host').update(hostKey('fd00:10:2::5'), ipcacheEntry(131_080, 1));
    loaded.map('ipc_host').update(hostKey('fd00:10:1::9'), ipcacheEntry(65_541, 2));
    loaded.map('ipc_cidr').update(cidrKey('fd00:10:2:7::', 64), ipcacheEntry(2, 1));
    for (const onLink of ['fe80::1', 'ff02::1:ff00:5', '169.254.1.1', '224.0.0.251']) {
      loaded.map('ipc_host').update(hostKey(onLink), ipcacheEntry(131_080, 1));
    }
  });

  function run(destination: string, change: Partial<FrameOptions> = {}): RunResult {
    const source = destination.includes(':') ? pod6 : pod;
    return runFrame(ipFrame({ source, destination, ...change }));
  }

  function runFrame(data: Uint8Array): RunResult {
    const result = testRun({ program: loaded.program('test_from_container'), data });
    return {
      verdict: result.verdict,
      unchanged: Buffer.compare(result.data, data) === 0,
      tunnel: {
        vni: new DataView(result.data.buffer).getUint32(0, true),
        from: result.data.slice(4, 20),
        to: result.data.slice(20, 36),
      },
    };
  }

  interface RunResult {
    readonly verdict: number;
    readonly unchanged: boolean;
    readonly tunnel: { readonly vni: number; readonly to: Uint8Array; readonly from: Uint8Array };
  }

  it.each([
    { name: 'an address of another cluster', destination: '10.2.0.5' },
    { name: 'an address of which only the prefix is known', destination: '10.2.0.77' },
    { name: 'an IPv6 address of another cluster', destination: 'fd00:10:2::5' },
    { name: 'an IPv6 address of which only the prefix is known', destination: 'fd00:10:2:7::77' },
  ])('go to $name through the tunnel, with the identity of the pod', ({ destination }) => {
    const result = run(destination);
    expect(result.verdict).toBe(redirect);
    expect(result.tunnel).toEqual({
      vni: identity,
      to: address(remoteUnderlay),
      from: address(localUnderlay),
    });
  });

  it.each(['10.2.0.5', 'fd00:10:2::5'])('go over an IPv6 underlay to %s', (destination) => {
    loaded.map('node').update(u32(1), node(remoteUnderlay6, 2));
    const result = run(destination);
    expect(result.verdict).toBe(redirect);
    expect(result.tunnel).toEqual({ vni: identity, to: address(remoteUnderlay6), from: address(localUnderlay6) });
  });

  it.each([
    { name: 'hop-by-hop options', nextHeader: 0 },
    { name: 'a fragment header', nextHeader: 44 },
    { name: 'nothing at all behind the header', nextHeader: 59, payload: new Uint8Array() },
  ])('of IPv6 with $name go like others', (change) => {
    const frame = ipv6Frame({ source: pod6, destination: 'fd00:10:2::5', ...change });
    expect(runFrame(frame).verdict).toBe(redirect);
  });

  it('are counted with their bytes', () => {
    const metrics = loaded.map('metrics');
    const before = countOf(metrics, reason.forwarded, direction.egress);
    run('10.2.0.5');
    expect(countOf(metrics, reason.forwarded, direction.egress)).toBe(before + 1);
  });

  it.each([
    { name: 'an address that nobody has announced', destination: '198.51.100.1' },
    { name: 'an address without a node', destination: '192.0.2.1' },
    { name: 'a pod of the own cluster', destination: '10.1.1.5' },
    { name: 'a prefix of the own cluster', destination: '10.2.7.1' },
    { name: 'an address whose node record is free', destination: '10.3.0.5' },
    { name: 'anything that is not IP', destination: '10.2.0.5', etherType: 0x0806 },
    { name: 'an IPv6 address that nobody has announced', destination: '2001:db8::1' },
    { name: 'an IPv6 pod of the own cluster', destination: 'fd00:10:1::9' },
    { name: 'a neighbour (IPv6 link-local), whatever a cluster announces', destination: 'fe80::1' },
    { name: 'the neighbours who might know, whatever a cluster announces', destination: 'ff02::1:ff00:5' },
    { name: 'a link-local gateway, whatever a cluster announces', destination: '169.254.1.1' },
    { name: 'a multicast group, whatever a cluster announces', destination: '224.0.0.251' },
    { name: 'an IPv4 address that is dressed as IPv6', destination: '::ffff:a02:5' },
  ])('are left to the CNI when they go to $name', ({ destination, ...change }) => {
    const source = destination.includes(':') ? 'fd00:9::9' : '10.9.9.9';
    expect(run(destination, { ...change, source })).toMatchObject({ verdict: next, unchanged: true });
  });

  it.each([
    { name: 'the source is not the address of the pod', why: reason.spoofedSource, change: { source: '10.1.0.3' } },
    { name: 'the source is another pod', why: reason.spoofedSource, change: { source: '10.1.0.9' } },
    {
      name: 'the pod is unknown',
      why: reason.unknownEndpoint,
      arrange: () => {
        loaded.map('ep_if').delete(u32(loopbackIfindex));
        loaded.map('ep_ip').delete(address(pod));
      },
    },
    {
      name: 'the node is not active',
      why: reason.noTunnelEndpoint,
      arrange: () => loaded.map('node').update(u32(1), node(remoteUnderlay, 2, 0)),
    },
    {
      name: 'the node has no underlay address',
      why: reason.noTunnelEndpoint,
      arrange: () => loaded.map('node').update(u32(1), node('::', 2)),
    },
  ])('to another cluster are dropped and counted when $name', ({ why, change, arrange }) => {
    arrange?.();
    const metrics = loaded.map('metrics');
    const before = countOf(metrics, why, direction.egress);
    expect(run('10.2.0.5', change)).toMatchObject({ verdict: drop, unchanged: true });
    expect(countOf(metrics, why, direction.egress)).toBe(before + 1);
  });

  it.each([
    { name: 'an address that is not the pod\u2019s', source: 'fd00:10:1::3' },
    { name: 'an IPv4 address of the pod that is dressed as IPv6', source: '::ffff:a01:2' },
  ])('of IPv6 to another cluster do not get there from $name', ({ source }) => {
    expect(run('fd00:10:2::5', { source })).toMatchObject({ unchanged: true });
    expect(run('fd00:10:2::5', { source }).verdict).not.toBe(redirect);
  });

  it('follow the node when its underlay address changes', () => {
    loaded.map('node').update(u32(1), node('172.30.2.99', 2));
    expect(run('10.2.0.5').tunnel.to).toEqual(address('172.30.2.99'));
  });
});
