import { MeshError } from '@clustermesh/runtime';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';

import { supervisorSocket } from './lab-state.ts';
import type { SupervisorStatus } from './lab-status.ts';

/** Answers every request with the lab's status, on a unix socket that only its owner can open. */
export async function serveStatus(stateDir: string, status: () => SupervisorStatus): Promise<Server> {
  const socket = supervisorSocket(stateDir);
  await rm(socket, { force: true });
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(status()));
  });
  server.listen(socket);
  await once(server, 'listening');
  return server;
}

/** @throws MeshError LAB_INVALID_STATE when no supervisor answers. */
export async function fetchStatus(stateDir: string, signal?: AbortSignal): Promise<SupervisorStatus> {
  try {
    const call = request({
      socketPath: supervisorSocket(stateDir),
      path: '/',
      ...(signal === undefined ? {} : { signal }),
    });
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const chunks = await response.toArray();
    return JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as SupervisorStatus;
  } catch (error) {
    const what = `ask the supervisor of the lab in ${stateDir}`;
    throw new MeshError('LAB_INVALID_STATE', what, { cause: error, retryable: true });
  }
}
