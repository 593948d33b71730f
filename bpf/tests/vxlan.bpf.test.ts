import { execFileSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { attachCgroup, loadObject } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { TestProcess, eventually } from '@clustermesh/testkit';
import { insideCgroup, testCgroup } from './cgroup.ts';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs } from './kernel.ts';
import { MeshNode } from './mesh-node.ts';
import { connectNetns } from './netns.ts';
import { backend, service, serviceKey, slot, u32 } from './records.ts';
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
    const script = fileURLToPath(new URL('forge-vxlan.ts', import.meta.url));
    const { podIdentity, podIp } = east.options;
    const packet = [outerSource, west.options.underlay, String(podIdentity), podIp, west.options.podIp];
    const [file = '', ...args] = east.netns.command([execPath, script, ...packet]);
    execFileSync(file, args);
  }

  it('work again after the device of the pod was made anew', async () => {
    east.netns.ip('link del pod0');
    east.addPodDevice();
    east.attach();
    const answers = await answersOf(east.pod.command(clientCommand('10.2.0.2', serverPort, 1)));
    expect(answers[0]?.slice(0, 13)).toBe('west 10.1.0.2');
  });
});
