import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { Config } from '@oclif/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { loadStatusClient } from './clients/agent-socket.ts';
import ExplainFlow from './commands/explain/flow.ts';
import { client, echo } from './flows/testing/told-flow.ts';
import { loadConfig } from './testing/load-config.ts';

const policy = { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' };
const rule = { policy, path: 'egress[0]', direction: 'egress' };

/** As the proto has it. */
function answer(verdict: 'allowed' | 'denied') {
  const row = { subject: 65_540, remote: 0, direction: 'egress', covers: '6/*', length: 8, deny: verdict === 'denied' };
  return {
    ...{ cluster: 'west', node: 'n1', policy_scope: 'mesh', policy_synced: true },
    source: { party: client, row: { map: 'ipc_host', identity: 65_540, node_address: '172.30.1.11' } },
    destination: {
      party: { ...echo, pod: '', cluster: '', namespace: '', identity: 9, labels: ['reserved:world-ipv4'] },
    },
    egress: {
      ...{ direction: 'egress', subject: 65_540, remote: 9, judged: true, verdict, reason: 'rule', rule },
      ...{ matched: [{ rule, verdict }], policies: [policy] },
      map: {
        verdict,
        reason: 'forwarded',
        rows: [{ ...row, packets: 3, bytes: 222 }],
        lengths: [{ remote: 0, bits: 256 }],
      },
    },
    path: { kind: 'network' },
  };
}

interface Call {
  readonly request: {
    readonly source: string;
    readonly destination: string;
    readonly protocol: number;
    readonly port: number;
  };
}

describe('explain flow', () => {
  const server = new Server();
  let folder: string;
  let argv: readonly string[];
  let config: Config;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'explain-'));
    const socket = join(folder, 'agent.sock');
    argv = ['--socket', socket];
    config = await loadConfig();
    const { service } = await loadStatusClient();
    server.addService(service, {
      ExplainFlow: ({ request }: Call, reply: (error: object | null, value?: object) => void) => {
        if (request.destination === 'demo/none') {
          reply({
            code: status.INVALID_ARGUMENT,
            details: 'cluster west publishes no pod demo/none: give its address',
          });
        } else reply(null, answer(request.port === 80 ? 'allowed' : 'denied'));
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

  afterEach(() => {
    process.exitCode = undefined;
    jest.restoreAllMocks();
  });

  async function run(...more: readonly string[]): Promise<string> {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    await ExplainFlow.run([...argv, ...more], config);
    return write.mock.calls.map(String).join('\n');
  }

  it('tells the whole story, and the verdict at its end', async () => {
    const text = await run('demo/client', '10.2.0.5');
    expect(text.split('\n')).toEqual([
      'demo/client -> 10.2.0.5   80/TCP',
      '',
      'AS NODE west/n1 SEES IT   (policy scope mesh)',
      '  source           west/demo/client:40000, address 10.1.0.2, identity 65540',
      '    labels         k8s:app=client',
      '    claimed        by no cluster',
      '    in maps        ipc_host: identity 65540, node 172.30.1.11',
      '  destination      10.2.0.5:8080, address 10.2.0.5, identity world-ipv4',
      '    labels         reserved:world-ipv4',
      '    claimed        by no cluster',
      '    in maps        no: it is the world',
      '  egress           ALLOWED',
      '    policies say   allowed: NetworkPolicy demo/web egress[0]',
      '    rule           allows: NetworkPolicy demo/web egress[0]',
      '    selected by    NetworkPolicy demo/web',
      '    map says       allowed: forwarded',
      '    row            65540 with anybody, 6/*: allow: 3 packets, 222 bytes',
      '    row lengths    anybody: 8',
      "  path             the cluster's own network",
      '',
      'verdict: ALLOWED: west/n1 lets it out, by NetworkPolicy demo/web egress[0]; nobody judges in at 10.2.0.5: it is no pod of the mesh',
    ]);
    expect(process.exitCode).toBe(0);
  });

  it.each([
    { name: 'by its exit code', more: [], want: 1 },
    { name: 'not by its exit code, where that is unwanted', more: ['--no-exit-code'], want: undefined },
  ])('tells programs that it is denied $name', async ({ more, want }) => {
    expect(await run('demo/client', '10.2.0.5', '--port', '81', ...more)).toContain('verdict: DENIED');
    expect(process.exitCode).toBe(want);
  });

  it('is JSON for programs, with what every agent said', async () => {
    const report = JSON.parse(await run('demo/client', '10.2.0.5', '-o', 'json')) as object;
    expect(report).toMatchObject({
      ...{ from: 'demo/client', to: '10.2.0.5', port: '80/TCP', verdict: 'allowed', warnings: [] },
      views: [{ policyScope: 'mesh', egress: { map: { rows: [{ packets: 3 }] } } }],
    });
  });

  it('fails with the code of "unknown", in the words of the agent', async () => {
    const errors = jest.spyOn(console, 'error').mockReturnValue();
    await run('demo/client', 'demo/none');
    expect(String(errors.mock.calls[0])).toBe(
      'error: cluster west publishes no pod demo/none: give its address (COMMAND_FAILED)',
    );
    expect(process.exitCode).toBe(2);
  });
});
