import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { reason } from './counters.ts';
import { tcpEcho, udpEcho } from './echo-servers.ts';
import { describeKernel } from './kernel.ts';
import { SocketNode, type SocketBackend, type SocketService } from './socket-node.ts';
import type { SocketAnswer, SocketRequest } from './socket-client.ts';

// Processes on a busy machine.
jest.setTimeout(60_000);

/** Nobody listens there: what is not translated gets no answer. */
const v4 = '127.240.0.1';
const v6 = 'fd00:240::1';
const port = 81;

describeKernel('sockets and services', () => {
  const made = new AsyncDisposableStack();
  let node: SocketNode;
  let services = 0;

  beforeAll(() => {
    node = made.use(new SocketNode());
  });
  afterAll(() => made.disposeAsync());

  /** A fresh id: no reader can mistake one test's service for another's. */
  function serviceAt(ip: string, proto: 'tcp' | 'udp', affinityTimeoutS = 0): SocketService {
    return { ip, port, proto, id: ++services, affinityTimeoutS };
  }

  const cases = [
    { name: 'an IPv4 socket', vip: v4, backendIp: '127.0.0.1', host: v4, family: 4 },
    { name: 'an IPv6 socket', vip: v6, backendIp: '::1', host: v6, family: 6 },
    { name: 'an IPv6 socket with an IPv4 service', vip: v4, backendIp: '127.0.0.1', host: `::ffff:${v4}`, family: 6 },
  ] as const;

  it.each(cases)('tcp: $name reaches all backends and is told the service as its peer', async (socket) => {
    await using east = await tcpEcho('east', socket.backendIp);
    await using west = await tcpEcho('west', socket.backendIp);
    const forwarded = node.count(reason.forwarded);
    node.serve(serviceAt(socket.vip, 'tcp'), [
      { id: 1, ip: socket.backendIp, port: east.port },
      { id: 2, ip: socket.backendIp, port: west.port },
    ]);
    const answers = await node.client.askAll(Array(40).fill({ op: 'tcp', host: socket.host, port }));
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['east', 'west']));
    expect(new Set(answers.map(({ peer }) => peer))).toEqual(new Set([`${socket.host} ${port}`]));
    expect(node.count(reason.forwarded)).toBe(forwarded + 40);
  });

  it.each(cases)('udp: $name reaches all backends and hears the service', async (socket) => {
    await using east = await udpEcho('east', socket.backendIp);
    await using west = await udpEcho('west', socket.backendIp);
    node.serve(serviceAt(socket.vip, 'udp'), [
      { id: 1, ip: socket.backendIp, port: east.port },
      { id: 2, ip: socket.backendIp, port: west.port },
    ]);
    const answers = await node.client.askAll(Array(40).fill({ ...socket, op: 'udp', port }));
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['east', 'west']));
    expect(new Set(answers.map(({ from }) => from))).toEqual(new Set([`${socket.host} ${port}`]));
  });

  it.each(cases)('connected udp: $name reaches all backends, hears and is told the service', async (socket) => {
    await using east = await udpEcho('east', socket.backendIp);
    await using west = await udpEcho('west', socket.backendIp);
    node.serve(serviceAt(socket.vip, 'udp'), [
      { id: 1, ip: socket.backendIp, port: east.port },
      { id: 2, ip: socket.backendIp, port: west.port },
    ]);
    const answers = await node.client.askAll(Array(40).fill({ ...socket, op: 'connectedUdp', port }));
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['east', 'west']));
    expect(new Set(answers.flatMap(({ from, peer }) => [from, peer]))).toEqual(new Set([`${socket.host} ${port}`]));
  });

  it('the datagrams of one socket go to one backend while that is there', async () => {
    await using east = await udpEcho('east', '127.0.0.1');
    await using west = await udpEcho('west', '127.0.0.1');
    const to = serviceAt(v4, 'udp');
    const both = [
      { id: 1, ip: '127.0.0.1', port: east.port },
      { id: 2, ip: '127.0.0.1', port: west.port },
    ];
    node.serve(to, both);
    const ask: SocketRequest = { op: 'udp', family: 4, host: v4, port, keep: 'steady' };
    const answers = new Set((await node.client.askAll(Array(20).fill(ask))).map(({ answer }) => answer));
    expect(answers.size).toBe(1);
    const other = answers.has('east') ? 'west' : 'east';
    node.serve(
      to,
      both.filter(({ id }) => id === (other === 'east' ? 1 : 2)),
    );
    expect(await node.client.ask(ask)).toEqual({ answer: other, from: `${v4} ${port}` });
  });

  it('one unconnected socket hears each of its services under its own name', async () => {
    await using east = await udpEcho('east', '127.0.0.1');
    await using west = await udpEcho('west', '127.0.0.1');
    const otherVip = '127.240.0.2';
    node.serve(serviceAt(v4, 'udp'), [{ id: 1, ip: '127.0.0.1', port: east.port }]);
    node.serve(serviceAt(otherVip, 'udp'), [{ id: 2, ip: '127.0.0.1', port: west.port }]);
    const asked = [v4, otherVip, '127.0.0.1'].map((host) => ({
      ...({ op: 'udp', family: 4, keep: 'both' } as const),
      host,
      port: host === '127.0.0.1' ? west.port : port,
    }));
    const [first, second] = await node.client.askAll(asked);
    expect([first, second]).toEqual([
      { answer: 'east', from: `${v4} ${port}` },
      { answer: 'west', from: `${otherVip} ${port}` },
    ]);
  });

  const ways: readonly { readonly op: 'tcp' | 'udp' | 'connectedUdp'; readonly proto: 'tcp' | 'udp' }[] = [
    { op: 'tcp', proto: 'tcp' },
    { op: 'udp', proto: 'udp' },
    { op: 'connectedUdp', proto: 'udp' },
  ];

  it.each(ways.flatMap((way) => cases.map((socket) => ({ ...socket, ...way }))))(
    '$op: $name is refused at once when nobody is behind the service',
    async ({ op, proto, vip, host, family }) => {
      const refused = node.count(reason.noBackend);
      node.serve(serviceAt(vip, proto), []);
      expect(await node.client.ask({ op, host, port, family })).toEqual({ error: 'ECONNREFUSED' });
      expect(node.count(reason.noBackend)).toBe(refused + 1);
    },
  );

  it.each(ways)('$op: an IPv4 socket is never given an IPv6 backend', async ({ op, proto }) => {
    node.serve(serviceAt(v4, proto), [{ id: 1, ip: '::1', port: 9 }]);
    expect(await node.client.ask({ op, host: v4, port, family: 4 })).toEqual({ error: 'ECONNREFUSED' });
  });

  it('a service is one of its protocol: the same port of the other one is not touched', async () => {
    await using server = await tcpEcho('plain', '127.0.0.1');
    node.serve({ ...serviceAt('127.0.0.1', 'udp'), port: server.port }, []);
    expect(await node.client.ask({ op: 'tcp', host: '127.0.0.1', port: server.port })).toEqual({
      answer: 'plain',
      peer: `127.0.0.1 ${server.port}`,
    });
  });

  it.each(ways)('$op: what is no service is not touched', async ({ op, proto }) => {
    await using server = proto === 'tcp' ? await tcpEcho('plain', '::1') : await udpEcho('plain', '::1');
    const answer = await node.client.ask({ op, host: '::1', port: server.port, family: 6 });
    expect(answer).toMatchObject({ answer: 'plain' });
    expect(answer.peer ?? answer.from).toBe(`::1 ${server.port}`);
  });

  it.each(ways)('$op: a host process stays in its own cluster', async ({ op, proto }) => {
    const echo = proto === 'tcp' ? tcpEcho : udpEcho;
    await using home = await echo('home', '127.0.0.1');
    await using away = await echo('away', '127.0.0.1');
    node.serve({ ...serviceAt(v4, proto), home: [1, 1] }, [
      { id: 1, ip: '127.0.0.1', port: away.port },
      { id: 2, ip: '127.0.0.1', port: home.port },
    ]);
    const answers = await node.client.askAll(Array(20).fill({ op, host: v4, port, family: 4 }));
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['home']));
  });

  it('no connection and no datagram reaches a backend of another service while extents and records change hands', async () => {
    const [a1, a2, b1, b2] = await Promise.all(['a1', 'a2', 'b1', 'b2'].map((name) => tcpEcho(name, '127.0.0.1')));
    const [u1, u2] = await Promise.all(['a1', 'b1'].map((name) => udpEcho(name, '127.0.0.1')));
    const servers = [a1, a2, b1, b2, u1, u2].flatMap((server) => server ?? []);
    servers.forEach((server) => made.use(server));
    const vips = { a: '127.240.0.3', b: '127.240.0.4' };
    const [tcpPorts, udpPorts] = [servers.slice(0, 4), servers.slice(4)].map((some) => some.map((one) => one.port));
    const of = (from: number, ports: readonly number[]): SocketBackend[] =>
      ports.map((backendPort, index) => ({ id: 20 + ((from + index) % 42), ip: '127.0.0.1', port: backendPort }));
    const programs = { at: 0 };
    /** Every service moves to other slots and to records that were another one's some rounds before. */
    const change = (): void => {
      const at = 6 * programs.at++;
      node.serve({ ip: vips.a, port, proto: 'tcp', id: 901 }, of(at, tcpPorts?.slice(0, 2) ?? []));
      node.serve({ ip: vips.b, port, proto: 'tcp', id: 902 }, of(at + 2, tcpPorts?.slice(2) ?? []));
      node.serve({ ip: vips.a, port, proto: 'udp', id: 903 }, of(at + 4, udpPorts?.slice(0, 1) ?? []));
      node.serve({ ip: vips.b, port, proto: 'udp', id: 904 }, of(at + 5, udpPorts?.slice(1) ?? []));
    };
    change();
    const requests = (['a', 'b'] as const).flatMap((service): SocketRequest[] => [
      { op: 'tcp', host: vips[service], port },
      { op: 'udp', family: 4, host: vips[service], port },
      { op: 'connectedUdp', family: 4, host: vips[service], port },
    ]);
    const asked = Array.from({ length: 100 }, () => requests).flat();
    const answered = node.client.askAll(asked);
    const running = { done: false };
    void answered.finally(() => (running.done = true));
    while (!running.done) {
      change();
      await new Promise(setImmediate);
    }
    const answers = await answered;
    const wrong = asked.flatMap((request, index) => {
      const { host } = request as { readonly host: string };
      const answer = answers[index];
      return answer?.answer?.[0] === (host === vips.a ? 'a' : 'b') ? [] : [{ ...request, index, answer }];
    });
    expect(wrong).toEqual([]);
    expect(programs.at).toBeGreaterThan(100);
  });

  it('affinity: all connections of a pod go to one backend while that takes any', async () => {
    const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => tcpEcho(name, '127.0.0.1')));
    servers.forEach((server) => made.use(server));
    const backends = servers.map((server, index): SocketBackend => ({
      id: 1 + index,
      ip: '127.0.0.1',
      port: server.port,
    }));
    const to = serviceAt(v4, 'tcp', 3600);
    const choices = async (): Promise<Set<string | undefined>> => {
      const answers = await node.client.askAll(Array(10).fill({ op: 'tcp', host: v4, port }));
      return new Set(answers.map(({ answer }: SocketAnswer) => answer));
    };
    node.serve(to, backends);
    const first = await choices();
    expect(first.size).toBe(1);
    const kept = backends.find(({ id }) => first.has('abcd'[id - 1]));
    if (kept === undefined) throw new Error('no backend answered');
    node.setBackend(to, kept, { state: 2 });
    const second = await choices();
    expect(second.size).toBe(1);
    expect(second).not.toEqual(first);
  });
});
