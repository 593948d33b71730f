import { execFileSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { attachCgroup, loadObject } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { TestProcess, connectNetns, eventually } from '@clustermesh/testkit';
import { insideCgroup, testCgroup } from './cgroup.ts';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs } from './kernel.ts';
import { MeshNode } from './mesh-node.ts';
import { ipv4Frame, probeFrame, probeKind } from './packets.ts';
import { answeredToken, backend, probe, service, serviceKey, slot, u32 } from './records.ts';
import { answersOf, clientCommand, serverCommand } from './tcp.ts';

// Namespaces and processes on a busy machine.
jest.setTimeout(60_000);

const vip = { ip: '10.101.0.1', port: 80 };
const svcId = 7;
const serverPort = 8080;
/** Many segments, so that segmentation offload through the tunnel is exercised. */
const padding = 1_000_000;

describeKernel('two clusters over VXLAN', () => {
  const made = new AsyncDisposableStack();
  let bpffs: string;
  let cgroup: string;
  let east: MeshNode;
  let west: MeshNode;

  beforeAll(async () => {
    bpffs = made.use(testBpffs()).path;
    cgroup = made.use(testCgroup()).path;
    const common = { bpffs };
    east = made.use(
      new MeshNode({
        ...common,
        name: 'east',
        clusterId: 1,
        underlay: '172.30.1.11',
        podIp: '10.1.0.2',
        podIdentity: 65_540,
      }),
    );
    west = made.use(
      new MeshNode({
        ...common,
        name: 'west',
        clusterId: 2,
        underlay: '172.30.2.11',
        podIp: '10.2.0.2',
        podIdentity: 131_080,
      }),
    );
    connectNetns(east.netns, west.netns, 'under0', ['172.30.1.11/16', '172.30.2.11/16']);
    east.attachDroppingCni();
    for (const node of [east, west]) node.attach();
    east.learn(west, 1);
    west.learn(east, 1);
    const [file = '', ...args] = west.pod.command(serverCommand('west', '10.2.0.2', serverPort, padding));
    const server = new TestProcess(file, args);
    made.defer(() => server.end('SIGKILL'));
    await server.printed('listening');
  });

  afterAll(() => made.disposeAsync());

  it('connect pods, which see each other by their own addresses', async () => {
    const answers = await answersOf(east.pod.command(clientCommand('10.2.0.2', serverPort, 3)));
    expect(answers).toEqual(Array(3).fill(`west 10.1.0.2 ${'x'.repeat(padding)}`));
    expect(countOf(west.map('metrics'), reason.forwarded, direction.ingress)).toBeGreaterThan(0);
  });

  it('connect a pod with a backend of a service', async () => {
    using sock = loadObject({ path: objectPath('mesh_sock'), pinDir: east.pinDir, maxEntries: smallMaps });
    const program = sock.program('mesh_connect4');
    const pinPath = `${bpffs}/east/links/connect4`;
    attachCgroup({ program, cgroupPath: cgroup, attachType: 'connect4', pinPath });
    sock.map('backend').update(u32(1), backend({ ip: '10.2.0.2', port: serverPort, svcId }));
    sock.map('slot').update(u32(0), slot(1, svcId));
    sock.map('svc').update(serviceKey(vip), service(svcId, 0, 1));

    const client = east.pod.command(clientCommand(vip.ip, vip.port, 2));
    const answers = await answersOf(insideCgroup(cgroup, client));
    expect(answers.map((answer) => answer.slice(0, 13))).toEqual(['west 10.1.0.2', 'west 10.1.0.2']);
  });

  it('leave what stays in the cluster to the CNI at the same hook', async () => {
    const toOwnNode = (node: MeshNode): Promise<string[]> =>
      answersOf(node.pod.command(clientCommand(node.options.underlay, serverPort, 1)));
    expect(await toOwnNode(west)).toEqual(['ECONNREFUSED']);
    expect(await toOwnNode(east)).toEqual(['TIMEOUT']);
  });

  it('drop and count what another host sends in the name of a node', async () => {
    east.netns.ip('addr add 172.30.9.9/16 dev under0');
    const before = countOf(west.map('metrics'), reason.forgedNode, direction.ingress);
    const delivered = countOf(west.map('metrics'), reason.forwarded, direction.ingress);
    sendAsPodOfEast('172.30.9.9');
    await eventually(() => expect(countOf(west.map('metrics'), reason.forgedNode, direction.ingress)).toBe(before + 1));
    sendAsPodOfEast('172.30.1.11');
    await eventually(() =>
      expect(countOf(west.map('metrics'), reason.forwarded, direction.ingress)).toBe(delivered + 1),
    );
  });

  /** A packet as the tunnel of east's node would carry it for its pod, but from this outer address. */
  function sendAsPodOfEast(outerSource: string): void {
    const { podIdentity, podIp: source } = east.options;
    const inner = ipv4Frame({ source, destination: west.options.podIp });
    sendVxlan(east, west, { outerSource, vni: podIdentity, inner });
  }

  it('work again after the device of the pod was made anew', async () => {
    east.netns.ip('link del pod0');
    east.addPodDevice();
    east.attach();
    const answers = await answersOf(east.pod.command(clientCommand('10.2.0.2', serverPort, 1)));
    expect(answers[0]?.slice(0, 13)).toBe('west 10.1.0.2');
  });
});

describeKernel('two dual-stack clusters over an IPv6 underlay', () => {
  const made = new AsyncDisposableStack();
  let east: MeshNode;
  let west: MeshNode;
  const eastUnderlay = 'fd00:30:1::11';
  const westUnderlay = 'fd00:30:2::11';
  const token = 0x0123_4567_89ab_cdefn;

  beforeAll(async () => {
    const bpffs = made.use(testBpffs()).path;
    const node = (name: string, clusterId: number, underlay: string): MeshNode =>
      made.use(
        new MeshNode({
          bpffs,
          name: `${name}6`,
          clusterId,
          underlay,
          podIp: `10.${clusterId}.0.2`,
          podIp6: `fd00:10:${clusterId}::2`,
          podIdentity: clusterId * 65_536 + 4,
        }),
      );
    east = node('east', 1, eastUnderlay);
    west = node('west', 2, westUnderlay);
    connectNetns(east.netns, west.netns, 'under0', [`${eastUnderlay}/32 nodad`, `${westUnderlay}/32 nodad`]);
    for (const each of [east, west]) each.attach();
    east.learn(west, 1);
    west.learn(east, 3);
    const [file = '', ...args] = west.pod.command(serverCommand('west', '::', serverPort, padding));
    const server = new TestProcess(file, args);
    made.defer(() => server.end('SIGKILL'));
    await server.printed('listening');
  });

  afterAll(() => made.disposeAsync());

  it.each([
    { family: 'IPv6', to: 'fd00:10:2::2', from: 'fd00:10:1::2' },
    { family: 'IPv4', to: '10.2.0.2', from: '::ffff:10.1.0.2' },
  ])('connect pods over $family, which see each other by their own addresses', async ({ to, from }) => {
    const answers = await answersOf(east.pod.command(clientCommand(to, serverPort, 3)));
    expect(answers).toEqual(Array(3).fill(`west ${from} ${'x'.repeat(padding)}`));
  });

  it('let a pod find its gateway by neighbour discovery', () => {
    expect(east.pod.ip('-6 neigh show dev eth0')).toContain(east.netns.device('pod0').mac);
  });

  it('drop what a pod sends from another pod\u2019s IPv6 address', async () => {
    east.pod.ip('addr add fd00:10:1::3/128 dev eth0 nodad');
    east.pod.ip('route add fd00:10:2::2/128 via fe80::1 dev eth0 src fd00:10:1::3');
    const before = countOf(east.map('metrics'), reason.spoofedSource, direction.egress);
    expect(await answersOf(east.pod.command(clientCommand('fd00:10:2::2', serverPort, 1)))).toEqual(['TIMEOUT']);
    expect(countOf(east.map('metrics'), reason.spoofedSource, direction.egress)).toBeGreaterThan(before);
  });

  it('send a probe of a node back to it, through both tunnels', async () => {
    east.map('probe').update(u32(1), probe({ underlay: westUnderlay, token }));
    sendVxlan(east, west, { inner: probeFrame(probeKind.request, token) });
    await eventually(() => expect(answeredToken(east.map('probe').lookup(u32(1)))).toBe(token));
    expect(countOf(west.map('metrics'), reason.probeReflected, direction.ingress)).toBe(1);
    expect(countOf(east.map('metrics'), reason.probeAnswered, direction.ingress)).toBe(1);
  });

  it('do not answer the probe of a host that is no node', async () => {
    east.netns.ip('addr add fd00:30:9::9/32 dev under0 nodad');
    sendVxlan(east, west, { outerSource: 'fd00:30:9::9', inner: probeFrame(probeKind.request, token) });
    const metrics = west.map('metrics');
    await eventually(() => expect(countOf(metrics, reason.probeUnknownNode, direction.ingress)).toBe(1));
    expect(countOf(metrics, reason.probeReflected, direction.ingress)).toBe(1);
  });
});

interface Sent {
  /** Default: the node's own. */
  readonly outerSource?: string;
  readonly vni?: number;
  readonly inner: Uint8Array;
}

/** Sends a VXLAN packet from a host of `from`'s network to the node `to`. */
function sendVxlan(from: MeshNode, to: MeshNode, { outerSource, vni = 6, inner }: Sent): void {
  const script = fileURLToPath(new URL('forge-vxlan.ts', import.meta.url));
  const outer = [outerSource ?? from.options.underlay, to.options.underlay];
  const [file = '', ...args] = from.netns.command([
    execPath,
    script,
    ...outer,
    String(vni),
    Buffer.from(inner).toString('hex'),
  ]);
  execFileSync(file, args);
}
