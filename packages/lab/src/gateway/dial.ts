import { MeshError } from '@clustermesh/runtime';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';

/** Opens a TCP connection to an address of the mesh. Throws LAB_INVALID_STATE when nobody answers there. */
export type Dial = (host: string, port: number, signal: AbortSignal) => Promise<Socket>;

/** Rootless: the addresses of the mesh are this machine's own. */
export const dialDirectly: Dial = (host, port, signal) => openSocket({ host, port }, signal);

/** @throws MeshError LAB_INVALID_STATE when nobody answers there. */
export async function openSocket(address: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  const socket = connect(address);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw new MeshError('LAB_INVALID_STATE', `connect to ${JSON.stringify(address)}`, { cause: error });
  }
}

type ConnectEvent = [response: { readonly statusCode: number }, socket: Socket, head: Buffer];

/** Through the gateway in the underlay's namespace, by HTTP CONNECT over its unix socket. */
export function dialThrough(gatewaySocket: string): Dial {
  return async (host, port, signal) => {
    const call = request({ socketPath: gatewaySocket, method: 'CONNECT', path: `${host}:${port}`, signal });
    call.end();
    try {
      const [response, socket, head] = (await once(call, 'connect', { signal })) as ConnectEvent;
      if (head.length > 0) socket.unshift(head);
      if (response.statusCode === 200) return socket;
      socket.destroy();
      throw new Error(`the gateway answered ${response.statusCode}`);
    } catch (error) {
      throw new MeshError('LAB_INVALID_STATE', `connect to ${host}:${port}`, { cause: error });
    }
  };
}
