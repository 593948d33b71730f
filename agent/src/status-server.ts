import { chmodSync, rmSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { MeshError } from '@clustermesh/runtime';

import { statusImplementation, statusServiceDefinition } from './status/status-service.ts';
import type { StatusSource } from './status/status-service.ts';

/** The status API on a unix socket that only its owner may open. */
export class StatusServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** A socket that an earlier process left is replaced: there is one agent per node and path. */
  static async listen(path: string, source: StatusSource): Promise<StatusServer> {
    const server = new Server();
    server.addService(statusServiceDefinition(), statusImplementation(source));
    rmSync(path, { force: true });
    const previousMask = process.umask(0o177);
    try {
      await bind(server, path);
    } finally {
      process.umask(previousMask);
    }
    chmodSync(path, 0o600);
    return new StatusServer(server, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    rmSync(this.#path, { force: true });
    return Promise.resolve();
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(new MeshError('CONFIG_INVALID', `listen on socket ${path} for status`, { cause: error }));
    });
  });
}
