import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { credentials, makeClientConstructor } from '@grpc/grpc-js';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { eventually, tempDir } from '@clustermesh/testkit';
import { ok, refuse } from '@clustermesh/runtime';

import type { FlowExplanation } from './flows/explain/explanation.ts';
import type { FlowEvent } from './flows/flow.ts';
import type { AgentStatus, IpcacheEntry } from './status/agent-status.ts';
import { StatusServer } from './status-server.ts';
import { statusServiceDefinition } from './status/status-service.ts';
import type { StatusSource } from './status/status-service.ts';

const status: AgentStatus = {
  cluster: 'west',
  clusterId: 1,
  node: 'node1',
  version: '1.2.3',
  startedAt: '2026-01-01T00:00:00Z',
  datapath: {
    mode: 'memory',
    reason: 'a test',
    swept: true,
    maps: [{ name: 'svc', entries: 1, maxEntries: 10 }],
    problems: ['full'],
    refusedServices: 1,
    refusedAddresses: 2,
    abiVersion: 1,
    objectSha256: 'ab'.repeat(32),
    attachMethod: 'clsact',
    attachedInterfaces: 3,
  },
  clusters: [
    {
      name: 'east',
      clusterId: 2,
      state: 'stale',
      reason: 'lost',
      datapath: 'stale',
      freshness: {
        connected: false,
        since: '2026-01-01T00:00:00Z',
        lastContact: '2026-01-01T00:00:00Z',
        ageMs: 5_000_000_000,
        sourceRevision: '7',
        writtenAt: '',
        overQuota: 0,
        storeId: 'a',
        ageOf: 'mirror',
      },
      kinds: [{ name: 'ip', synced: true, entries: 3 }],
      rejected: 1,
      rejections: [{ key: 'k', reason: 'r' }],
      rejectedNow: 1,
      rejectionReasons: [{ reason: 'r', count: 1, key: 'k' }],
      noRoom: 3,
      conflicts: 0,
      lastError: '',
      lastErrorAt: '',
      probes: { reachable: 1, unreachable: 1, unanswered: 0, unreachableNodes: ['node2'] },
      withheld: 0,
    },
  ],
  health: [{ name: 'datapath', state: 'ok', reason: '' }],
  local: { servicesSynced: true, podsSynced: true, services: 1, endpoints: 1, kinds: [] },
  conflicts: [
    { kind: 'address', cluster: 'east', holder: 'west', count: 2, subject: '10.1.1.1', key: 'k', message: 'm' },
  ],
  conflictCount: 1,
  probesOff: '',
  cache: { store: 'redis', address: 'rediss://redis:6379', problem: '' },
  policy: {
    ...{ scope: 'mesh', synced: true, policies: 3, subjects: 2, rows: 9, refusedRows: 1, refusedRules: 1 },
    refused: [
      { kind: 'CiliumNetworkPolicy', namespace: 'demo', name: 'web', at: 'spec.ingress[0]', message: 'layer 7' },
    ],
  },
};

const manyAddresses = 20_000;

function* addresses(cluster: string): Generator<IpcacheEntry> {
  for (let number = 0; number < manyAddresses; number++) {
    yield {
      address: `10.2.${number >> 8}.${number & 255}`,
      identity: 131_073,
      nodeAddress: '172.30.2.11',
      cluster,
      key: '',
      state: 'programmed',
      reason: '',
    };
  }
}

const noParty = { address: '', port: 0, identity: 0, cluster: '', namespace: '', pod: '', labels: [] };
const lost: FlowEvent = { lost: { timeMs: 1.5, count: 3, reason: 'too many at once' } };
const flow: FlowEvent = {
  flow: {
    ...{
      timeMs: 2.5,
      verdict: 'dropped',
      reason: 'policy denied',
      direction: 'ingress',
      protocol: 'TCP',
      bytes: 74,
      relation: '',
    },
    source: { ...noParty, address: '10.2.0.5', identity: 131_080, cluster: 'east', labels: ['k8s:app=echo'] },
    destination: { ...noParty, address: '10.1.0.2', port: 80, namespace: 'demo', pod: 'web' },
    rule: {
      policy: { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' },
      path: 'ingress[0]',
      direction: 'ingress',
    },
    ...{ ruleNote: '', policies: [] },
  },
};

const explanation: FlowExplanation = {
  ...{ cluster: 'west', node: 'node1', policyScope: 'mesh', policySynced: true, problems: ['p'] },
  source: { party: noParty },
  destination: {
    party: noParty,
    row: { map: 'ipc_host', identity: 131_080, nodeIndex: 1, nodeAddress: '172.30.2.11' },
  },
};

async function* twoFlows(signal: AbortSignal, follow: boolean): AsyncGenerator<FlowEvent> {
  yield lost;
  yield flow;
  if (follow) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  told.push('ended');
}

/** What became of followers. */
const told: string[] = [];

const source: StatusSource = {
  status: () => status,
  flows: ({ follow }, signal) => twoFlows(signal, follow),
  explain: ({ source: from }) => Promise.resolve(from === '' ? refuse('who?') : ok(explanation)),
  listings: {
    services: () => [][Symbol.iterator]() as Generator<never>,
    backends: () => [][Symbol.iterator]() as Generator<never>,
    ipcache: addresses,
    nodes: () => [][Symbol.iterator]() as Generator<never>,
    identities: () => [][Symbol.iterator]() as Generator<never>,
    policies: () => [],
  },
};

interface StatusClient {
  getStatus(request: object, callback: (error: Error | null, status: AgentStatus) => void): void;
  listClusters(request: object): ClientReadableStream<unknown>;
  listIpcache(request: object): ClientReadableStream<IpcacheEntry>;
  getFlows(request: object): ClientReadableStream<FlowEvent>;
  explainFlow(request: object, callback: (error: Error | null, value: FlowExplanation) => void): void;
  close(): void;
}

function connect(path: string): StatusClient {
  const Client = makeClientConstructor(statusServiceDefinition(), 'Status');
  return new Client(`unix:${path}`, credentials.createInsecure()) as unknown as StatusClient;
}

async function collect<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const entries: T[] = [];
  for await (const entry of stream) entries.push(entry);
  return entries;
}

describe('StatusServer', () => {
  it('answers with what the agent says, field by field', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, source);
    const client = connect(path);
    const answer = await new Promise((resolve, reject) => {
      client.getStatus({}, (error, value) => (error === null ? resolve(value) : reject(error)));
    });
    expect(answer).toEqual(status);
    expect(await collect(client.listClusters({}))).toEqual(status.clusters);
    client.close();
  });

  it('streams a list of any length, with its filter', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, source);
    const client = connect(path);
    const entries = await collect(client.listIpcache({ cluster: 'east' }));
    expect(entries).toHaveLength(manyAddresses);
    expect(entries.at(-1)).toEqual([...addresses('east')].at(-1));
    client.close();
  });

  it('streams flows and what was lost between them', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, source);
    const client = connect(path);
    expect(await collect(client.getFlows({}))).toMatchObject([lost, flow]);
    client.close();
  });

  it('lets go of a reader that leaves', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, source);
    const client = connect(path);
    told.length = 0;
    const stream = client.getFlows({ follow: true });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    await eventually(() => expect(told).toEqual(['ended']));
    client.close();
  });

  it('explains a flow, and says why it cannot', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, source);
    const client = connect(path);
    const explain = (from: string): Promise<FlowExplanation> =>
      new Promise((resolve, reject) => {
        client.explainFlow({ source: from }, (error, value) => (error === null ? resolve(value) : reject(error)));
      });
    expect(await explain('demo/web')).toMatchObject(explanation);
    await expect(explain('')).rejects.toThrow('who?');
    client.close();
  });

  it('replaces a stale socket, lets nobody else in, and leaves none behind', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'agent.sock');
    writeFileSync(path, 'stale');
    const server = await StatusServer.listen(path, source);
    expect(statSync(path).isSocket()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });
});
