import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Config } from '@oclif/core';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { loadStatusClient } from './clients/agent-socket.ts';
import { commands } from './commands.ts';
import { loadConfig } from './testing/load-config.ts';

/** Commands of different rows, of which only running matters here. */
interface Runnable {
  run(argv: string[], config: Config): Promise<unknown>;
}

/** One row of each list, as an agent sends it; the names are the proto's. */
const rows: Readonly<Record<string, object>> = {
  ListServices: {
    ...{ namespace: 'demo', name: 'echo', address: '10.101.0.2', port: 80, protocol: 'TCP', global: true },
    ...{ affinity: 'local', chosen: 2, total: 4, problem: '' },
    sources: [
      { cluster: 'east', key: 'services/demo/echo', backends: 2 },
      { cluster: 'north', key: 'cilium/cache/services/v1/north/demo/echo', backends: 2 },
      { cluster: 'west', key: 'cilium/cache/services/v1/west/demo/echo', backends: 0 },
    ],
  },
  ListBackends: {
    ...{ namespace: 'demo', name: 'echo', frontend: '10.101.0.2:80/TCP', address: '10.2.1.4', port: 8080 },
    ...{ state: 'active', chosen: false, cluster: 'north', key: 'cilium/cache/services/v1/north/demo/echo' },
  },
  ListClusters: {
    ...{ name: 'north', cluster_id: 2, state: 'stale', reason: 'no contact', datapath: 'withdrawn' },
    freshness: { age_ms: 192_000, last_contact: '2026-01-01T00:00:00Z' },
    ...{ rejected: 5, rejected_now: 1, rejection_reasons: [{ key: 'k', reason: 'r', count: 5 }], conflicts: 3 },
    kinds: [
      { name: 'nodes', entries: 2 },
      { name: 'ip', entries: 7 },
    ],
  },
  ListIpcache: {
    address: '10.2.1.4',
    identity: 131_073,
    node_address: '172.30.2.11',
    cluster: 'north',
    state: 'programmed',
  },
  ListNodes: {
    ...{ cluster: 'north', name: 'n1', address: '172.30.2.11', pod_cidrs: ['10.2.1.0/24'], node_index: 3 },
    ...{ path: 'reachable', rtt_ms: 0.345 },
  },
  ListPolicies: {
    ...{ kind: 'CiliumNetworkPolicy', namespace: 'demo', name: 'web', directions: ['ingress'], rules: 2 },
    problems: ['spec.ingress[0]: rules of layer 7 are not served: the rule allows nothing'],
  },
  ListIdentities: { id: 131_073, cluster: 'north', labels: ['k8s:app=echo'], addresses: 2 },
};

describe('inspect', () => {
  const server = new Server();
  let folder: string;
  let socket: string;
  let config: Config;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inspect-'));
    socket = join(folder, 'agent.sock');
    config = await loadConfig();
    const { service } = await loadStatusClient();
    server.addService(
      service,
      Object.fromEntries(
        Object.entries(rows).map(([method, row]) => [
          method,
          (call: { write: (row: object) => void; end: () => void }) => {
            call.write(row);
            call.end();
          },
        ]),
      ),
    );
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

  it.each([
    {
      of: 'services',
      head: /^SERVICE +FRONTEND +SCOPE/,
      row: /^demo\/echo +10\.101\.0\.2:80\/TCP +global +local +2\/4 +east,north$/,
    },
    {
      of: 'backends',
      head: /^SERVICE +FRONTEND +BACKEND/,
      row: /10\.2\.1\.4:8080 +north +standby +cilium\/cache\/.*echo$/,
    },
    {
      of: 'clusters',
      head: /^CLUSTER +ID +STATE +AGE/,
      row: /^north +2 +stale: no contact +3m12s +withdrawn +2 +7 +0 +0 +1 +3$/,
    },
    {
      of: 'ipcache',
      head: /^ADDRESS +IDENTITY +TUNNEL/,
      row: /^10\.2\.1\.4 +131073 +172\.30\.2\.11 +north +programmed$/,
    },
    {
      of: 'nodes',
      head: /^CLUSTER +NAME +ADDRESS/,
      row: /^north +n1 +172\.30\.2\.11 +10\.2\.1\.0\/24 +3 +reachable +0\.3ms$/,
    },
    {
      of: 'policies',
      head: /^KIND +NAMESPACE +NAME +DIRECTIONS +RULES +PROBLEMS/,
      row: /^CiliumNetworkPolicy +demo +web +ingress +2 +spec\.ingress\[0\]: rules of layer 7 are not served/,
    },
    { of: 'identities', head: /^IDENTITY +CLUSTER/, row: /^131073 +north +2 +k8s:app=echo$/ },
  ] as const)('$of: a row as the agent tells it', async ({ of, head, row }) => {
    const write = jest.spyOn(console, 'log').mockReturnValue();
    try {
      await (commands[`inspect:${of}`] as unknown as Runnable).run(['--socket', socket], config);
      const [first, second] = String(write.mock.calls[0]).split('\n');
      expect(first).toMatch(head);
      expect(second).toMatch(row);
    } finally {
      write.mockRestore();
    }
  });

  it('says in one line that no agent answers', async () => {
    const write = jest.spyOn(console, 'error').mockReturnValue();
    try {
      await commands['inspect:nodes'].run(['--socket', '/nonexistent.sock'], config);
      expect(String(write.mock.calls[0])).toMatch(
        /^error: no agent answers at \/nonexistent\.sock: .*\(COMMAND_FAILED\)/,
      );
    } finally {
      write.mockRestore();
      process.exitCode = undefined;
    }
  });
});
