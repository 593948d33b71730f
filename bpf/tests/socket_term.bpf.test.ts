import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { loadObject, ProgramIterator } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { TestNetns } from '@clustermesh/testkit';
import { reason } from './counters.ts';
import { tcpEcho, udpEcho } from './echo-servers.ts';
import { describeKernel, smallMaps } from './kernel.ts';
import type { SocketRequest } from './socket-client.ts';
import { SocketNode, type SocketBackend, type SocketService } from './socket-node.ts';

// Processes on a busy machine.
jest.setTimeout(60_000);

const ownNetns = '/proc/self/ns/net';
const port = 81;
/** Long enough for an event that is on its way to arrive, also on a busy machine. */
const arrivalMs = 500;

describeKernel('connections to a backend that is gone', () => {
  const made = new AsyncDisposableStack();
  let node: SocketNode;
  let terminators: readonly ProgramIterator[];
  let services = 0;

  beforeAll(() => {
    node = made.use(new SocketNode());
    const options = { path: objectPath('mesh_sock_term'), pinDir: node.pinDir, maxEntries: smallMaps };
    const loaded = made.use(loadObject(options));
    terminators = ['mesh_term_tcp', 'mesh_term_udp'].map((name) => made.use(new ProgramIterator(loaded.program(name))));
  });
  afterAll(() => made.disposeAsync());

  async function terminate(netns = ownNetns): Promise<void> {
    for (const terminator of terminators) await terminator.run(netns);
  }

  const cases = [
    { name: 'tcp over IPv4', op: 'tcp', family: 4, vip: '127.240.0.1', ip: '127.0.0.1', prefix: '' },
    { name: 'tcp over IPv6', op: 'tcp', family: 6, vip: 'fd00:240::1', ip: '::1', prefix: '' },
    {
      name: 'tcp of an IPv6 socket over IPv4',
      op: 'tcp',
      family: 6,
      vip: '127.240.0.1',
      ip: '127.0.0.1',
      prefix: '::ffff:',
    },
    { name: 'connected udp over IPv4', op: 'connectedUdp', family: 4, vip: '127.240.0.1', ip: '127.0.0.1', prefix: '' },
    { name: 'connected udp over IPv6', op: 'connectedUdp', family: 6, vip: 'fd00:240::1', ip: '::1', prefix: '' },
  ] as const;

  /** Two connections, to the service and to its backend's own address, under the names `kept` and `direct`. */
  async function connectBoth(
    test: (typeof cases)[number],
  ): Promise<{ readonly to: SocketService; readonly backend: SocketBackend } & AsyncDisposable> {
    const server = await (test.op === 'tcp' ? tcpEcho : udpEcho)('server', test.ip);
    const proto = test.op === 'tcp' ? 'tcp' : 'udp';
    const to: SocketService = { ip: test.vip, port, proto, id: ++services };
    const backend: SocketBackend = { id: 1, ip: test.ip, port: server.port };
    node.serve(to, [backend]);
    const { op, family, prefix } = test;
    const requests: readonly SocketRequest[] = [
      { op, family, host: prefix + test.vip, port, keep: 'kept' },
      { op, family, host: prefix + test.ip, port: server.port, keep: 'direct' },
    ];
    const answers = await node.client.askAll(requests);
    expect(answers.map(({ answer }) => answer)).toEqual(['server', 'server']);
    return { to, backend, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  async function ends(waitMs = arrivalMs): Promise<(string | undefined)[]> {
    const answers = await node.client.askAll([
      { op: 'end', keep: 'kept', waitMs },
      { op: 'end', keep: 'direct', waitMs: 0 },
    ]);
    return answers.map(({ end }) => end);
  }

  it.each(cases)('are ended, and no others: $name', async (test) => {
    await using both = await connectBoth(test);
    const ended = node.count(reason.backendGone);
    node.setBackend(both.to, both.backend, { state: 0, generation: 1 });
    await terminate();
    expect(await ends(3_000)).toEqual(['ECONNABORTED', 'open']);
    expect(node.count(reason.backendGone)).toBe(ended + 1);
  });

  it('are ended when the record is another backend\u2019s by now', async () => {
    await using both = await connectBoth(cases[0]);
    node.setBackend({ ...both.to, id: ++services }, { ...both.backend, port: 9 }, { generation: 2 });
    await terminate();
    expect(await ends(3_000)).toEqual(['ECONNABORTED', 'open']);
  });

  it.each([
    { name: 'the backend takes connections', state: 1 },
    { name: 'the backend drains', state: 2 },
    { name: 'the backend is kept for want of others', state: 3 },
  ])('go on while $name', async ({ state }) => {
    await using both = await connectBoth(cases[0]);
    const ended = node.count(reason.backendGone);
    node.setBackend(both.to, both.backend, { state });
    await terminate();
    expect(node.count(reason.backendGone)).toBe(ended);
    expect(await ends(0)).toEqual(['open', 'open']);
  });

  it('are ended in the network namespace that is asked for, and in no other', async () => {
    using other = new TestNetns('term');
    await using both = await connectBoth(cases[0]);
    const ended = node.count(reason.backendGone);
    node.setBackend(both.to, both.backend, { state: 0, generation: 1 });
    await terminate(`/run/netns/${other.name}`);
    expect(node.count(reason.backendGone)).toBe(ended);
    await terminate();
    expect(node.count(reason.backendGone)).toBe(ended + 1);
  });

  it('cannot be looked for in a network namespace that is gone', async () => {
    await expect(terminate('/proc/0/ns/net')).rejects.toThrow('/proc/0/ns/net');
  });
});
