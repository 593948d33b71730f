import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { tempDir } from '@clustermesh/testkit';

import KvstoremeshDbgStatus from './commands/kvstoremesh-dbg/status.ts';
import KvstoremeshDbgTroubleshoot from './commands/kvstoremesh-dbg/troubleshoot.ts';
import { loadConfig } from './testing/load-config.ts';

type Command = typeof KvstoremeshDbgStatus | typeof KvstoremeshDbgTroubleshoot;

describe('kvstoremesh-dbg', () => {
  const clusters = [{ name: 'west\u001b[31m', ready: false, status: 'Err: away', colour: 'red' }];
  let server: Server;
  let host: string;
  let printed: string[];

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/v1/cluster') response.end(JSON.stringify(clusters));
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  afterAll(() => {
    server.close();
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = undefined;
  });

  async function run(command: Command, ...argv: string[]): Promise<unknown> {
    printed = [];
    const print = (text?: string): void => void printed.push(text ?? '');
    jest.spyOn(command.prototype, 'log').mockImplementation(print);
    jest.spyOn(command.prototype, 'logToStderr').mockImplementation(print);
    return new command(argv, await loadConfig()).run().catch((error: unknown) => error);
  }

  it('status says what kvstoremesh says, with nothing that a terminal obeys', async () => {
    expect(await run(KvstoremeshDbgStatus, '-H', host)).toEqual(clusters);
    expect(printed.join('\n')).toMatch(/^KVStoreMesh: {2}0\/1 clusters ready\n {3}west: not-ready, 0 nodes/);
  });

  it('status says where it asked when nobody answers', async () => {
    const error = await run(KvstoremeshDbgStatus, '--host=127.0.0.1:1');
    expect(error).toMatchObject({ code: 'COMMAND_FAILED', message: expect.stringContaining('127.0.0.1:1/v1/cluster') });
  });

  it('troubleshoot takes Cilium’s flags', async () => {
    await using dir = await tempDir('kvstoremesh-dbg');
    await mkdir(`${dir.path}/remotes`);
    const argv = [`--clustermesh-config=${dir.path}/remotes`, '--timeout=1s', '-H', 'localhost:9889'];
    expect(await run(KvstoremeshDbgTroubleshoot, ...argv)).toEqual([]);
    expect(printed).toEqual(['no remote cluster']);
    const own = await run(KvstoremeshDbgTroubleshoot, ...argv, '--include-local', `--etcd-config=${dir.path}/none`);
    expect(own).toMatchObject([{ own: true, verdict: 'failed' }]);
    expect(process.exitCode).toBe(1);
  });
});
