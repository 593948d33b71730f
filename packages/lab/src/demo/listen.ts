import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** A demo server that answers on one port over TCP and UDP, IPv4 and IPv6. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** All addresses of both families, or IPv4 alone where the machine has no IPv6: what Node does without a host. */
export async function listenTcp(server: Server, port: number): Promise<number> {
  server.listen(port);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The same for UDP. An error later on (an ICMP message, say) concerns one client and ends nothing. */
export async function listenUdp(port: number): Promise<Socket> {
  const socket = (await bound(createSocket('udp6'), port)) ?? (await bound(createSocket('udp4'), port));
  if (socket === undefined) throw new Error(`UDP port ${port} is taken`);
  socket.on('error', () => undefined);
  return socket;
}

async function bound(socket: Socket, port: number): Promise<Socket | undefined> {
  try {
    socket.bind(port);
    await once(socket, 'listening');
    return socket;
  } catch {
    socket.close();
    return undefined;
  }
}

export async function closeAll(tcp: Server, udp: Socket): Promise<void> {
  udp.close();
  tcp.close();
  await once(tcp, 'close');
}
