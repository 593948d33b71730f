import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';

import { startProbeProcess } from './probe-process.ts';
import { probeArguments } from './provider.ts';
import type { Probe, RunningProbe } from './provider.ts';
import { sumOf } from './traffic.ts';
import type { TrafficReport } from './traffic.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function start(program: Probe['program'], flags: Probe['flags']): RunningProbe {
  const file = fileURLToPath(new URL(`probe/${program}.mjs`, import.meta.url));
  const probe = startProbeProcess([process.execPath, file, ...probeArguments({ program, flags })]);
  cleanUps.push(() => probe.stop());
  return probe;
}

/** The backend of the demo: says who it is and echoes. */
async function echoServer(): Promise<{ port: number; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write('east/echo-1\nn1\n');
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, sockets };
}

async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await pause(20); // the test's own time-out ends it
}

/** What a traffic probe has reported up to now. */
function totals(probe: RunningProbe): TrafficReport {
  return (probe.latest() ?? {
    ok: 0,
    failed: {},
    broken: {},
    answers: {},
    longestGapMs: 0,
    firstFailure: '',
    at: 0,
    lastOkAt: 0,
  }) as TrafficReport;
}

describe('probe/requests.mjs', () => {
  const address = '127.0.0.1';

  it('counts who answers', async () => {
    const { port } = await echoServer();
    const { exitCode, stdout } = await start('requests', { address, port, requests: 5 }).ended;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ answers: { 'east/echo-1': 5 }, failures: {}, slowestFailureMs: 0 });
  });

  it('counts refusals, and how long they took', async () => {
    const { port, server } = await echoServer();
    server.close();
    await once(server, 'close');
    const report: unknown = JSON.parse((await start('requests', { address, port, requests: 3 }).ended).stdout);
    expect(report).toMatchObject({ answers: {}, failures: { ECONNREFUSED: 3 } });
  });

  it('tells a peer that is not the one that was asked for', async () => {
    const { port } = await echoServer();
    const report: unknown = JSON.parse(
      (await start('requests', { address, port, requests: 1, peer: '10.0.0.1' }).ended).stdout,
    );
    expect(report).toMatchObject({ failures: { 'connected to 127.0.0.1': 1 } });
  });

  it.each(['connected', 'unconnected'])('asks by datagrams from %s sockets', async (mode) => {
    const server = createSocket('udp4');
    server.on('message', (message, { port, address: to }) =>
      server.send(`east/echo-1 n1\n${message.toString()}`, port, to),
    );
    server.bind(0, address);
    await once(server, 'listening');
    cleanUps.push(() => server.close());
    const flags = { address, port: server.address().port, protocol: 'UDP', requests: 4, socket: mode };
    expect(JSON.parse((await start('requests', flags).ended).stdout)).toMatchObject({ answers: { 'east/echo-1': 4 } });
  });
});

describe('probe/traffic.mjs', () => {
  const address = '127.0.0.1';

  it('makes connections until it is stopped, and counts those that fail', async () => {
    const { port, server } = await echoServer();
    const probe = start('traffic', { address, port, connections: 'new', every: 5 });
    await eventually(() => totals(probe).ok > 10);
    expect(totals(probe)).toMatchObject({ failed: {}, broken: {} });
    server.close();
    await eventually(() => Object.keys(totals(probe).failed).includes('ECONNREFUSED'));
    expect(totals(probe).firstFailure).toMatch(/^.+ at \d{4}-\d\d-\d\dT/);
    await probe.stop();
    expect((await probe.ended).exitCode).toBe(0);
  });

  it('keeps connections, uses them, and counts those that break', async () => {
    const { port, sockets } = await echoServer();
    const probe = start('traffic', { address, port, connections: 'established', every: 5, streams: 3 });
    await eventually(() => totals(probe).ok > 10);
    expect(sockets.size).toBe(3);
    expect(totals(probe)).toMatchObject({ broken: {}, answers: { 'east/echo-1': 3 } });
    for (const socket of sockets) socket.destroy();
    await eventually(() => sumOf(totals(probe).broken) === 3);
    expect(sockets.size).toBe(3);
  });

  it('tells established connections that could not be made', async () => {
    const { port, server } = await echoServer();
    server.close();
    await once(server, 'close');
    const probe = start('traffic', { address, port, connections: 'established', streams: 2 });
    await eventually(() => 'ECONNREFUSED' in totals(probe).broken);
    expect(totals(probe)).toMatchObject({ ok: 0, broken: { ECONNREFUSED: 2 } });
  });
});

describe('probe/connections.mjs', () => {
  const address = '127.0.0.1';

  it('says of each target what came of it, round after round', async () => {
    const { port } = await echoServer();
    const mute = createServer().listen(0, address);
    await once(mute, 'listening');
    const closed = createServer().listen(0, address);
    await once(closed, 'listening');
    const ports = [mute, closed].map((server) => (server.address() as AddressInfo).port);
    closed.close();
    cleanUps.push(() => mute.close());
    const [mutePort = 0, closedPort = 0] = ports;
    const targets = [`${address}:${port}/TCP`, `${address}:${mutePort}/TCP`, `${address}:${closedPort}/TCP`];
    const probe = start('connections', { patience: 200 });
    for (let round = 0; round < 2; round++) {
      expect(await probe.ask(targets.join(','))).toEqual({
        [`${address}:${port}/TCP`]: 'answered',
        [`${address}:${mutePort}/TCP`]: 'silent',
        [`${address}:${closedPort}/TCP`]: 'ECONNREFUSED',
      });
    }
  });

  it.each(['127.0.0.1', '::1'])('tries datagrams to %s', async (host) => {
    const server = createSocket(host === '::1' ? 'udp6' : 'udp4');
    server.on('message', (_, { port, address: to }) => server.send('east/echo-1 n1\n', port, to));
    server.bind(0, host);
    await once(server, 'listening');
    cleanUps.push(() => server.close());
    const target = `${host === '::1' ? '[::1]' : host}:${server.address().port}/UDP`;
    const { stdout } = await start('connections', { to: target, patience: 200 }).ended;
    expect(JSON.parse(stdout)).toEqual({ [target]: 'answered' });
  });

  it('pings', async () => {
    const { stdout } = await start('connections', { to: '127.0.0.1/ICMP,::1/ICMP', patience: 500 }).ended;
    expect(JSON.parse(stdout)).toEqual({ '127.0.0.1/ICMP': 'answered', '::1/ICMP': 'answered' });
  });

  it('that has ended cannot be asked', async () => {
    const probe = start('connections', {});
    await probe.stop();
    await expect(probe.ask('127.0.0.1:1/TCP')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('probe/listen.mjs', () => {
  it('counts the datagrams that carry its token', async () => {
    const socket = createSocket('udp4').bind(0);
    await once(socket, 'listening');
    cleanUps.push(() => socket.close());
    const { port } = socket.address();
    const probe = start('listen', { port: port + 1, token: 'abc' });
    await eventually(() => probe.latest() !== undefined);
    expect(probe.latest()).toEqual({ heard: 0 });
    for (const message of ['abc', 'not', 'abc']) {
      await new Promise((resolve) => socket.send(message, port + 1, '127.0.0.1', resolve));
    }
    await pause(100); // nothing tells that a datagram has arrived
    await probe.stop();
    expect(JSON.parse((await probe.ended).stdout)).toEqual({ heard: 2 });
  });
});

describe('probe/metrics.mjs', () => {
  it('prints the samples of one metric by their labels', async () => {
    const text =
      '# HELP a b\na{direction="egress",reason="spoofed source"} 3\na{direction="x",reason="y"} 4\nb{c="d"} 5\n';
    const server = createHttpServer((_, response) => response.end(text)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { stdout } = await start('metrics', { port, name: 'a' }).ended;
    expect(JSON.parse(stdout)).toEqual({ 'egress/spoofed source': 3, 'x/y': 4 });
  });
});

it('a program that cannot be started is told', async () => {
  await expect(startProbeProcess(['/no/such/program']).ended).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});
