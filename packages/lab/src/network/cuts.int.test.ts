import { systemClock } from '@clustermesh/runtime';
import { eventually } from '@clustermesh/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';

import { mustRun, runCommand } from '../command.ts';
import { takeDown } from '../down.ts';
import { probeHost } from '../host.ts';
import { clusterOf, nodeOf, planMesh } from '../mesh-plan.ts';
import type { MeshPlan, NodePlan } from '../mesh-plan.ts';
import { ProcessRunner, placedArgv } from '../process/process-runner.ts';
import type { RunningProcess } from '../process/process-runner.ts';
import { completeCut } from './cuts.ts';
import type { CutRequest } from './cuts.ts';
import { applyCuts, createMeshNetwork } from './network.ts';

const { layout, limitation } = await probeHost();
const describeRoot = limitation === undefined ? describe : describe.skip;
/** Two runs on one machine must not take each other down. */
const mesh = `k${process.pid.toString(36)}`;
const [control, other] = [2379, 2380];

/** Which of a node's servers answer another one: the kvstore's port, some other port, and that port through a tunnel. */
interface Heard {
  readonly control: boolean;
  readonly other: boolean;
  readonly tunnel: boolean;
}
const everything: Heard = { control: true, other: true, tunnel: true };
const nothing: Heard = { control: false, other: false, tunnel: false };

describeRoot(`cuts${limitation === undefined ? '' : ` (skipped: ${limitation})`}`, () => {
  let plan: MeshPlan;
  let nodes: { readonly east: NodePlan; readonly west: NodePlan; readonly north: NodePlan };

  beforeAll(async () => {
    await takeDown(mesh, systemClock);
    const clusters = ['east', 'west', 'north'].map((name, index) => ({ name, id: index + 1, nodes: 1 }));
    plan = planMesh({ mesh, clusters }, layout);
    await createMeshNetwork(plan);
    const first = (cluster: string): NodePlan => nodeOf(clusterOf(plan, cluster), 'n1');
    nodes = { east: first('east'), west: first('west'), north: first('north') };
    await Promise.all(Object.values(nodes).map(joinTunnel));
    await Promise.all(Object.values(nodes).map(serve));
    await eventually(async () => expect(await hears(nodes.east, nodes.west)).toEqual(everything));
    await eventually(async () => expect(await hears(nodes.west, nodes.east)).toEqual(everything));
    await eventually(async () => expect(await hears(nodes.north, nodes.east)).toEqual(everything));
  }, 30_000);

  beforeEach(() => applyCuts(plan, []));

  afterAll(() => takeDown(mesh, systemClock));

  async function cut(...requests: readonly CutRequest[]): Promise<void> {
    await applyCuts(
      plan,
      requests.map((request) => completeCut(plan, request)),
    );
  }

  it.each([
    { traffic: 'control', want: { ...everything, control: false } },
    { traffic: 'data', want: { ...everything, tunnel: false } },
    { traffic: 'all', want: nothing },
  ] as const)(
    'of $traffic lose it in both directions, and nothing else',
    async ({ traffic, want }) => {
      await cut({ cluster: 'east', traffic });
      expect(await hears(nodes.east, nodes.west)).toEqual(want);
      expect(await hears(nodes.west, nodes.east)).toEqual(want);
      expect(await hears(nodes.north, nodes.east)).toEqual(want);
      expect(await hears(nodes.west, nodes.north)).toEqual(everything);
      await applyCuts(plan, []);
      expect(await hears(nodes.east, nodes.west)).toEqual(everything);
    },
    20_000,
  );

  it('leave peers alone that are not named', async () => {
    await cut({ cluster: 'east', peers: ['west'], traffic: 'all' });
    expect(await hears(nodes.east, nodes.west)).toEqual(nothing);
    expect(await hears(nodes.east, nodes.north)).toEqual(everything);
  }, 20_000);

  it.each([
    { direction: 'in', arrives: false, leaves: true },
    { direction: 'out', arrives: true, leaves: false },
  ] as const)(
    'of direction $direction lose only those packets',
    async ({ direction, arrives, leaves }) => {
      await cut({ cluster: 'east', peers: ['west'], traffic: 'all', direction });
      expect(await datagramArrives(nodes.west, nodes.east)).toBe(arrives);
      expect(await datagramArrives(nodes.east, nodes.west)).toBe(leaves);
    },
    20_000,
  );

  it('stay closed while others are opened', async () => {
    await cut({ cluster: 'east', peers: ['west'], traffic: 'all' }, { cluster: 'east', peers: ['north'] });
    await cut({ cluster: 'east', peers: ['west'], traffic: 'all' });
    expect(await hears(nodes.east, nodes.west)).toEqual(nothing);
    expect(await hears(nodes.east, nodes.north)).toEqual(everything);
  }, 20_000);

  it('break an established connection in silence, which goes on when the line is whole again', async () => {
    const client = await converse(nodes.west, nodes.east);
    const echoes = async (): Promise<number> => (await mustRun(['cat', client.log])).length;
    await eventually(async () => expect(await echoes()).toBeGreaterThan(3));
    await cut({ cluster: 'east' });
    const atCut = await echoes();
    await systemClock.sleep(500);
    expect(await echoes()).toBeLessThanOrEqual(atCut + 1); // one may have been under way
    await applyCuts(plan, []);
    await eventually(async () => expect(await echoes()).toBeGreaterThan(atCut + 3));
    client.process.kill('SIGKILL');
    expect(await client.process.exited).toBe(128 + 9); // and not by an error of its connection
  }, 30_000);

  /** A tunnel as agents have it, without their agents. */
  async function joinTunnel(node: NodePlan): Promise<void> {
    const remotes = Object.values(nodes).filter((peer) => peer !== node);
    const lines = [
      `link add vx0 type vxlan id 7 dstport 8472 local ${node.address}`,
      `addr add ${tunnelAddress(node)}/24 dev vx0`,
      'link set vx0 up',
    ];
    await mustRun(['ip', '-n', node.netns ?? '', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    for (const { address } of remotes) {
      const entry = ['fdb', 'append', '00:00:00:00:00:00', 'dev', 'vx0', 'dst', address];
      await mustRun(['nsenter', `--net=/run/netns/${node.netns ?? ''}`, '--', 'bridge', ...entry]);
    }
  }

  async function serve(node: NodePlan): Promise<void> {
    const script = `
      const { createServer } = require('node:net');
      for (const port of [${control}, ${other}]) createServer((s) => { s.on('error', () => 0); s.write('hello\\n'); s.pipe(s); }).listen(port);
      require('node:dgram').createSocket('udp4').on('message', (m) => process.stdout.write(m + '\\n')).bind(9);`;
    await runner().start({ argv: [process.execPath, '-e', script], env: {}, place: place(node), logFile: logOf(node) });
  }

  function logOf({ cluster }: NodePlan): string {
    return join(plan.stateDir, 'logs', `${cluster}.log`);
  }

  async function hears(from: NodePlan, to: NodePlan): Promise<Heard> {
    const [viaControl, viaOther, viaTunnel] = await Promise.all([
      answers(from, to.address, control),
      answers(from, to.address, other),
      answers(from, tunnelAddress(to), other),
    ]);
    return { control: viaControl, other: viaOther, tunnel: viaTunnel };
  }

  async function answers(from: NodePlan, address: string, port: number): Promise<boolean> {
    const script = 'exec 3<>"/dev/tcp/$0/$1" && head -n 1 <&3';
    const argv = placedArgv(['bash', '-c', script, address, String(port)], place(from));
    const { stdout, exitCode } = await runCommand(argv, { timeoutMs: 700 });
    expect(stdout === 'hello\n' || exitCode === 128 + 9).toBe(true); // lost in silence, never refused
    return stdout === 'hello\n';
  }

  async function datagramArrives(from: NodePlan, to: NodePlan): Promise<boolean> {
    const text = `${from.cluster} ${process.hrtime.bigint()}`;
    const send = ['bash', '-c', 'echo "$0" >"/dev/udp/$1/9"', text, to.address];
    await mustRun(placedArgv(send, place(from)));
    await systemClock.sleep(200);
    return (await mustRun(['cat', logOf(to)])).includes(text);
  }

  /** Sends a letter to the kvstore's port over one connection again and again, and logs the echoes. */
  async function converse(from: NodePlan, to: NodePlan): Promise<{ log: string; process: RunningProcess }> {
    const script = `
      const socket = require('node:net').connect(${control}, '${to.address}');
      socket.on('error', () => process.exit(1));
      socket.on('data', (echo) => process.stdout.write(echo));
      setInterval(() => socket.write('x'), 20);`;
    const log = join(plan.stateDir, 'logs', 'conversation.log');
    const argv = [process.execPath, '-e', script];
    return { log, process: await runner().start({ argv, env: {}, place: place(from), logFile: log }) };
  }

  function runner(): ProcessRunner {
    return new ProcessRunner({ stateDir: plan.stateDir, clock: systemClock });
  }
});

function tunnelAddress({ address }: NodePlan): string {
  return `192.168.77.${address.split('.')[2] ?? ''}`;
}

function place({ netns = '', cgroup = '' }: NodePlan): { readonly netns: string; readonly cgroup: string } {
  return { netns, cgroup: join(cgroup, 'test') };
}
