import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Config } from '@oclif/core';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { loadStatusClient } from './clients/agent-socket.ts';
import Observe from './commands/observe.ts';
import { client, echo } from './flows/testing/told-flow.ts';
import { loadConfig } from './testing/load-config.ts';

const flow = {
  ...{ time_ms: 1_767_225_601_002, verdict: 'dropped', reason: 'policy no rule', direction: 'ingress' },
  ...{ protocol: 'TCP', source: client, destination: echo, bytes: 74 },
  policies: [{ kind: 'NetworkPolicy', namespace: 'demo', name: 'deny-all' }],
};
const lost = { time_ms: 1_767_225_602_000, count: 2, reason: 'too many at once' };

interface Call {
  readonly request: { readonly follow: boolean };
  write(event: object): void;
  end(): void;
  once(event: 'cancelled', listener: () => void): void;
}

describe('observe', () => {
  const server = new Server();
  const asked: object[] = [];
  let folder: string;
  let socket: string;
  let config: Config;
  let gone = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'observe-'));
    socket = join(folder, 'agent.sock');
    config = await loadConfig();
    const { service } = await loadStatusClient();
    server.addService(service, {
      GetFlows: (call: Call) => {
        asked.push(call.request);
        call.write({ flow });
        call.write({ lost });
        if (call.request.follow) call.once('cancelled', () => gone++);
        else call.end();
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  });

  afterAll(async () => {
    server.forceShutdown();
    await rm(folder, { recursive: true });
  });

  /** What it prints. */
  async function run(...argv: readonly string[]): Promise<string> {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    try {
      await Observe.run(['--socket', socket, ...argv], config);
      return write.mock.calls.map(String).join('\n');
    } finally {
      write.mockRestore();
    }
  }

  it('shows flows as a table, and what was lost', async () => {
    const [head, row, rest] = (await run()).split('\n');
    expect(head).toMatch(/^TIME \(UTC\) +VERDICT +DIRECTION +PROTO +FROM +TO +REASON +POLICY$/);
    expect(row).toMatch(
      /^00:00:01\.002 +dropped +ingress +TCP +west\/demo\/client:40000 \(65540\) +east\/demo\/echo-1:8080 \(131080\) +policy no rule +no rule of NetworkPolicy demo\/deny-all$/,
    );
    expect(rest).toBe('… 2 events were not told: too many at once');
  });

  it('prints a line of JSON for each, for programs', async () => {
    const lines = (await run('-o', 'json')).split('\n').map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { time: '2026-01-01T00:00:01.002000Z', verdict: 'dropped', destination: { pod: 'echo-1' } },
      { time: '2026-01-01T00:00:02.000000Z', lost: 2 },
    ]);
  });

  it('asks for what its flags say', async () => {
    await run('--verdict', 'dropped', '--to-pod', 'east/demo/echo-1', '--last', '7');
    expect(asked.at(-1)).toMatchObject({
      ...{ last: 7, follow: false },
      filter: { verdict: 'dropped', to_pod: { cluster: 'east', namespace: 'demo', name: 'echo-1' } },
    });
  });

  it('ends cleanly at Ctrl-C, and leaves the agent', async () => {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    try {
      const ended = Observe.run(['--socket', socket, '--follow'], config);
      while (write.mock.calls.length === 0) await nextTurn();
      process.emit('SIGINT');
      await ended;
      expect(String(write.mock.calls[0])).toContain('echo-1');
      while (gone === 0) await nextTurn();
      expect(process.exitCode).toBeUndefined();
    } finally {
      write.mockRestore();
    }
  });

  it('beats in a pod, so that it learns there that nobody reads any more', async () => {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    try {
      const ended = Observe.run(['--socket', socket, '--follow', '--beat', '-o', 'json'], config);
      while (write.mock.calls.length === 0) await nextTurn();
      expect(String(write.mock.calls[0])).toBe('');
      process.stdout.emit('error', Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
      await ended;
    } finally {
      write.mockRestore();
    }
  });

  it('says that no agent answers', async () => {
    const write = jest.spyOn(console, 'error').mockReturnValue();
    try {
      await Observe.run(['--socket', '/nonexistent.sock'], config);
      expect(process.exitCode).toBe(1);
      expect(write.mock.calls.map(String).join('\n')).toContain('no agent answers at /nonexistent.sock');
    } finally {
      write.mockRestore();
      process.exitCode = undefined;
    }
  });
});
