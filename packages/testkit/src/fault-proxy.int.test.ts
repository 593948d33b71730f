import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { eventually } from './eventually.ts';
import { FaultProxy } from './fault-proxy.ts';

jest.setTimeout(30_000);

describe('FaultProxy', () => {
  let echo: Server;
  let proxy: FaultProxy;
  beforeEach(async () => {
    echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await FaultProxy.listen((echo.address() as AddressInfo).port);
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    echo.close();
  });

  it('passes bytes both ways', async () => {
    const client = new Client(proxy.port);
    client.socket.write('hello');
    await eventually(() => expect(client.received).toBe('hello'));
    client.socket.destroy();
  });

  it('cuts after the given number of bytes, and they have arrived', async () => {
    const client = new Client(proxy.port);
    proxy.cutAfter(7);
    client.socket.write('0123456789');
    await eventually(() => expect(client.closed).toBe(true));
    expect(client.received).toBe('0123456');
  });

  it('refuses after the given number of bytes', async () => {
    const client = new Client(proxy.port);
    const refused = proxy.refuseAfter(3, 'up');
    client.socket.write('0123456789');
    await refused;
    const late = new Client(proxy.port);
    await eventually(() => expect([client.closed, late.closed]).toEqual([true, true]));
    expect(proxy.passed('up')).toBe(3);
  });

  it('holds one direction back without telling anybody, and loses nothing', async () => {
    const client = new Client(proxy.port);
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.pause('down');
    client.socket.write('b');
    await eventually(() => expect(proxy.passed('up')).toBe(2));
    expect(client).toMatchObject({ received: 'a', closed: false });
    proxy.resume();
    await eventually(() => expect(client.received).toBe('ab'));
    client.socket.destroy();
  });

  it('delays what passes, in order', async () => {
    const client = new Client(proxy.port);
    proxy.delay(50);
    const startMs = performance.now();
    client.socket.write('a');
    await eventually(() => expect(proxy.passed('up')).toBe(1));
    client.socket.write('b');
    await eventually(() => expect(client.received).toBe('ab'));
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(95);
    client.socket.destroy();
  });

  it('takes no more than trickles through', async () => {
    const client = new Client(proxy.port);
    proxy.trickle(400_000);
    const startMs = performance.now();
    const bytes = 4 * 65_536;
    client.socket.write(Buffer.alloc(bytes, 'x'));
    await eventually(() => expect(client.received).toHaveLength(bytes));
    expect(performance.now() - startMs).toBeGreaterThan(500);
    client.socket.destroy();
  });

  it('strands what is there, for good, and serves who comes anew', async () => {
    const client = new Client(proxy.port);
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.strand();
    proxy.resume();
    client.socket.write('b');
    const another = new Client(proxy.port);
    another.socket.write('c');
    await eventually(() => expect(another.received).toBe('c'));
    expect(client).toMatchObject({ received: 'a', closed: false });
    client.socket.destroy();
    another.socket.destroy();
  });

  it('refuses until it resumes', async () => {
    proxy.refuse();
    const refused = new Client(proxy.port);
    await eventually(() => expect(refused.closed).toBe(true));
    proxy.resume();
    const client = new Client(proxy.port);
    client.socket.write('again');
    await eventually(() => expect(client.received).toBe('again'));
    client.socket.destroy();
  });
});

class Client {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes: Buffer) => (this.received += bytes.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }
}
