import { createSocket } from 'node:dgram';
import type { RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@clustermesh/runtime';
import { parseIp } from '@clustermesh/wire';

import { probeDatagram } from './probe-datagram.ts';
import { ProbeSocket } from './probe-socket.ts';

const none = new Uint8Array(16);
const log = createLogger('test', 'silent');

function bytes(text: string): Uint8Array {
  return parseIp(text) ?? none;
}

describe('ProbeSocket', () => {
  let made = new DisposableStack();
  afterEach(() => {
    made.dispose();
    made = new DisposableStack();
  });

  /** A stand-in for the tunnel device of another node. */
  async function tunnel(address: string): Promise<{ readonly port: number; received: () => Promise<unknown[]> }> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    made.defer(() => void socket.close());
    socket.bind(0, address);
    await once(socket, 'listening');
    return { port: socket.address().port, received: () => once(socket, 'message') };
  }

  it.each([
    { from: { ipv4: bytes('127.0.0.5'), ipv6: none }, to: '127.0.0.1', seen: '127.0.0.5' },
    { from: { ipv4: none, ipv6: bytes('::1') }, to: '::1', seen: '::1' },
    { from: { ipv4: none, ipv6: none }, to: '127.0.0.1', seen: '127.0.0.1' },
  ])('sends a probe to $to, from $seen', async ({ from, to, seen }) => {
    const { port, received } = await tunnel(to);
    const socket = made.use(new ProbeSocket({ nodeAddresses: from, tunnelPort: port, log }));
    const message = received();
    socket.send(bytes(to), 7n);
    const [data, info] = (await message) as [Buffer, RemoteInfo];
    expect(new Uint8Array(data)).toEqual(probeDatagram(7n));
    expect(info.address).toBe(seen);
  });

  it('survives an address that this node does not have, and nodes that cannot be reached', async () => {
    const { port, received } = await tunnel('127.0.0.1');
    const lost = made.use(
      new ProbeSocket({ nodeAddresses: { ipv4: bytes('203.0.113.1'), ipv6: none }, tunnelPort: port, log }),
    );
    lost.send(bytes('127.0.0.1'), 1n);
    lost.send(bytes('203.0.113.9'), 1n);
    const socket = made.use(new ProbeSocket({ nodeAddresses: { ipv4: none, ipv6: none }, tunnelPort: port, log }));
    socket.send(bytes('255.255.255.255'), 2n);
    const message = received();
    socket.send(bytes('127.0.0.1'), 3n);
    expect(new Uint8Array((await message)[0] as Buffer)).toEqual(probeDatagram(3n));
  });

  it('draws tokens that are never "none" and never the same', () => {
    const socket = made.use(new ProbeSocket({ nodeAddresses: { ipv4: none, ipv6: none }, tunnelPort: 8472, log }));
    const tokens = new Set(Array.from({ length: 100 }, () => socket.token()));
    expect([tokens.size, tokens.has(0n)]).toEqual([100, false]);
  });
});
