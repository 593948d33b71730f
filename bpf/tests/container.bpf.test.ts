import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { ipv4Frame } from './packets.ts';
import { address, cidrKey, endpoint, hostKey, ipcacheEntry, ipv4Number, node, u32 } from './records.ts';

const next = -1;
const drop = 2;
const redirect = 7;

const localCluster = 1;
const identity = 65_540;
const pod = '10.1.0.2';
const localUnderlay = '172.30.1.11';
const remoteUnderlay = '172.30.2.11';
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
        },
      }),
    );
  });

  afterAll(() => made.dispose());

  beforeEach(() => {
    const macs = { mac: '02:00:00:00:00:01', hostMac: '02:00:00:00:00:02' };
    loaded
      .map('ep_if')
      .update(u32(loopbackIfindex), endpoint({ ifindex: loopbackIfindex, identity, ip: pod, ...macs }));
    loaded.map('node').update(u32(1), node(remoteUnderlay, 2));
    loaded.map('node').update(u32(2), node('172.30.1.12', localCluster));
    loaded.map('node').update(u32(3), new Uint8Array(32));
    loaded.map('ipc_host').update(hostKey('10.2.0.5'), ipcacheEntry(131_080, 1));
    loaded.map('ipc_host').update(hostKey('10.1.1.5'), ipcacheEntry(65_541, 2));
    loaded.map('ipc_host').update(hostKey('10.3.0.5'), ipcacheEntry(196_616, 3));
    loaded.map('ipc_host').update(hostKey('192.0.2.1'), ipcacheEntry(2, 0));
    loaded.map('ipc_cidr').update(cidrKey('10.2.0.0', 24), ipcacheEntry(2, 1));
    loaded.map('ipc_cidr').update(cidrKey('10.2.7.0', 24), ipcacheEntry(2, 2));
  });

  function run(destination: string, change: { source?: string; etherType?: number } = {}): RunResult {
    const data = ipv4Frame({ source: pod, destination, ...change });
    const result = testRun({ program: loaded.program('test_from_container'), data });
    const view = new DataView(result.data.buffer);
    return {
      verdict: result.verdict,
      unchanged: Buffer.compare(result.data, data) === 0,
      tunnel: { vni: view.getUint32(0, true), to: view.getUint32(4, true), from: view.getUint32(8, true) },
    };
  }

  interface RunResult {
    readonly verdict: number;
    readonly unchanged: boolean;
    readonly tunnel: { readonly vni: number; readonly to: number; readonly from: number };
  }

  it.each([
    { name: 'an address of another cluster', destination: '10.2.0.5' },
    { name: 'an address of which only the prefix is known', destination: '10.2.0.77' },
  ])('go to $name through the tunnel, with the identity of the pod', ({ destination }) => {
    const result = run(destination);
    expect(result.verdict).toBe(redirect);
    expect(result.tunnel).toEqual({
      vni: identity,
      to: ipv4Number(remoteUnderlay),
      from: ipv4Number(localUnderlay),
    });
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
    { name: 'anything that is not IPv4', destination: '10.2.0.5', etherType: 0x86dd },
  ])('are left to the CNI when they go to $name', ({ destination, ...change }) => {
    expect(run(destination, { ...change, source: '10.9.9.9' })).toMatchObject({ verdict: next, unchanged: true });
  });

  it.each([
    { name: 'the source is not the address of the pod', why: reason.spoofedSource, change: { source: '10.1.0.3' } },
    {
      name: 'the pod is unknown',
      why: reason.unknownEndpoint,
      arrange: () => loaded.map('ep_if').delete(u32(loopbackIfindex)),
    },
    {
      name: 'the node is not active',
      why: reason.noTunnelEndpoint,
      arrange: () => loaded.map('node').update(u32(1), node(remoteUnderlay, 2, 0)),
    },
    {
      name: 'the node has no IPv4 underlay address',
      why: reason.noTunnelEndpoint,
      arrange: () => loaded.map('node').update(u32(1), node(remoteUnderlay, 2).fill(0xfd, 0, 12)),
    },
  ])('to another cluster are dropped and counted when $name', ({ why, change, arrange }) => {
    arrange?.();
    const metrics = loaded.map('metrics');
    const before = countOf(metrics, why, direction.egress);
    expect(run('10.2.0.5', change)).toMatchObject({ verdict: drop, unchanged: true });
    expect(countOf(metrics, why, direction.egress)).toBe(before + 1);
  });

  it('follow the node when its underlay address changes', () => {
    loaded.map('node').update(u32(1), node('172.30.2.99', 2));
    expect(run('10.2.0.5').tunnel.to).toBe(ipv4Number('172.30.2.99'));
  });
});
