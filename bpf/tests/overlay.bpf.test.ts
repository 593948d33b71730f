import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { ipFrame, tunnelContext, type FrameOptions } from './packets.ts';
import { address, endpoint, hostKey, ipcacheEntry, mac, node, u32 } from './records.ts';

const drop = 2;
const redirect = 7;

const remoteIdentity = 131_080;
const remotePod = '10.2.0.5';
const remoteNode = '172.30.2.11';
const pod = '10.1.0.2';
const remotePod6 = 'fd00:10:2::5';
const remoteNode6 = 'fd00:30:2::11';
const pod6 = 'fd00:10:1::2';
const macs = { mac: '0a:00:00:00:00:05', hostMac: '0a:00:00:00:00:06' };
const loopbackIfindex = 1;

describeKernel('packets from the tunnel', () => {
  const made = new DisposableStack();
  let loaded: LoadedObject;

  beforeAll(() => {
    const bpffs = made.use(testBpffs());
    loaded = made.use(loadObject({ path: testObject('overlay'), pinDir: `${bpffs.path}/maps`, maxEntries: smallMaps }));
  });

  afterAll(() => made.dispose());

  beforeEach(() => {
    loaded.map('node').update(u32(1), node(remoteNode, 2));
    loaded.map('node').update(u32(2), node('172.30.2.12', 2));
    loaded.map('ipc_host').update(hostKey(remotePod), ipcacheEntry(remoteIdentity, 1));
    loaded.map('ipc_host').update(hostKey('10.2.1.5'), ipcacheEntry(remoteIdentity, 2));
    const row = endpoint({ ifindex: loopbackIfindex, identity: 65_540, ip: pod, ...macs });
    loaded.map('ep_ip').update(address(pod), row);
    loaded.map('node').update(u32(3), node(remoteNode6, 2));
    loaded.map('ipc_host').update(hostKey(remotePod6), ipcacheEntry(remoteIdentity, 1));
    loaded.map('ipc_host').update(hostKey('fd00:10:2::6'), ipcacheEntry(remoteIdentity, 3));
    loaded.map('ep_ip').update(address(pod6), row);
  });

  function run(change: Partial<FrameOptions> & { vni?: number; outer?: string; context?: Uint8Array }): {
    verdict: number;
    data: Uint8Array;
  } {
    const { vni = remoteIdentity, outer = remoteNode, context = tunnelContext(vni, outer), ...frame } = change;
    const data = ipFrame({ source: remotePod, destination: pod, ...frame });
    return testRun({ program: loaded.program('test_from_overlay'), data, context });
  }

  it('are delivered to the pod from the node where the source lives', () => {
    const metrics = loaded.map('metrics');
    const before = countOf(metrics, reason.forwarded, direction.ingress);
    expect(run({}).verdict).toBe(redirect);
    expect(countOf(metrics, reason.forwarded, direction.ingress)).toBe(before + 1);
  });

  it.each([
    { name: 'IPv6 over IPv4', source: remotePod6, destination: pod6, outer: remoteNode },
    { name: 'IPv6 over IPv6', source: 'fd00:10:2::6', destination: pod6, outer: remoteNode6 },
    { name: 'IPv4 over IPv6', source: '10.2.3.5', destination: pod, outer: remoteNode6 },
  ])('are delivered, $name', ({ outer, ...frame }) => {
    loaded.map('ipc_host').update(hostKey('10.2.3.5'), ipcacheEntry(remoteIdentity, 3));
    expect(run({ ...frame, outer }).verdict).toBe(redirect);
  });

  it.each([
    { source: remotePod, destination: pod },
    { source: remotePod6, destination: pod6 },
  ])('from $source get the Ethernet addresses of the pod and its host side, and nothing else changes', (addresses) => {
    const sent = ipFrame(addresses);
    sent.set(mac(macs.mac), 0);
    sent.set(mac(macs.hostMac), 6);
    expect(run(addresses).data).toEqual(sent);
  });

  it.each([
    { name: 'another node sends from the address', change: { outer: '172.30.2.12' }, why: reason.forgedNode },
    { name: 'nobody we know sends from the address', change: { outer: '203.0.113.9' }, why: reason.forgedNode },
    {
      name: 'the node of the source is not active',
      arrange: () => loaded.map('node').update(u32(1), node(remoteNode, 2, 0)),
      why: reason.forgedNode,
    },
    {
      name: 'the source has no node',
      arrange: () => loaded.map('ipc_host').update(hostKey(remotePod), ipcacheEntry(remoteIdentity, 0)),
      why: reason.forgedNode,
    },
    { name: 'the VNI is not the identity', change: { vni: remoteIdentity + 1 }, why: reason.identityMismatch },
    { name: 'the source is unknown', change: { source: '10.2.0.99' }, why: reason.unknownSource },
    { name: 'the destination is no pod here', change: { destination: '10.1.0.99' }, why: reason.unknownEndpoint },
    { name: 'it is not IP', change: { etherType: 0x0806 }, why: reason.unsupportedProtocol },
    {
      name: 'another node sends from the IPv6 address',
      change: { source: remotePod6, destination: pod6, outer: remoteNode6 },
      why: reason.forgedNode,
    },
    {
      name: 'an IPv6 address comes with the VNI of another identity',
      change: { source: remotePod6, destination: pod6, vni: remoteIdentity + 1 },
      why: reason.identityMismatch,
    },
    {
      name: 'an IPv4 source is dressed as IPv6',
      change: { source: '::ffff:a02:5', destination: pod6 },
      why: reason.unsupportedProtocol,
    },
    {
      name: 'the IPv6 destination is no pod here',
      change: { source: remotePod6, destination: 'fd00:10:1::99' },
      why: reason.unknownEndpoint,
    },
    { name: 'it came without a tunnel', change: { context: new Uint8Array(192) }, why: reason.noTunnelMetadata },
  ])('are dropped and counted when $name', ({ change, arrange, why }) => {
    arrange?.();
    const metrics = loaded.map('metrics');
    const before = countOf(metrics, why, direction.ingress);
    expect(run(change ?? {}).verdict).toBe(drop);
    expect(countOf(metrics, why, direction.ingress)).toBe(before + 1);
  });
});
