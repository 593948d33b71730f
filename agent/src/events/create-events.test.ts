import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { events as eventResource, namespaces, nodes, services } from '@clustermesh/kube';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { Pacer } from '../ingest/pacer.ts';
import type { AgentStatus } from '../status/agent-status.ts';
import type { PolicyRow } from '../tables/policy-table.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { createEvents } from './create-events.ts';

const taint = 'node.clustermesh.io/agent-not-ready';
const clock = new FakeClock();
let kube: ReturnType<KubeApiStore['client']>;
let stop: AbortController;
let notReady: string | undefined;
let status: AgentStatus;
const policies = new Map<string, PolicyRow>();

beforeEach(async () => {
  kube = new KubeApiStore({ clock, random: seededRandom(1) }).client();
  stop = new AbortController();
  notReady = undefined;
  policies.clear();
  status = {
    ...{ cluster: 'east', clusterId: 1, node: 'n1', version: '1', startedAt: '', health: [] },
    datapath: { mode: 'ebpf', reason: '', swept: true, maps: [], problems: [] },
    clusters: [],
    conflicts: [],
    local: { servicesSynced: true, podsSynced: true, services: 1, endpoints: 0, kinds: [] },
  } as unknown as AgentStatus;
  const taints = [
    { key: taint, effect: 'NoSchedule' },
    { key: 'dedicated', value: 'db', effect: 'NoExecute' },
  ];
  await kube.create(nodes, { metadata: { name: 'n1' }, spec: { taints } });
});
afterEach(() => stop.abort());

/** A mesh whose only service is demo/echo, which no other cluster has. */
function start(): void {
  const service = { namespace: 'demo', name: 'echo', includeExternal: true, ports: [{ port: 80 }], slices: [] };
  const state = {
    services: { localNames: () => ['demo/echo'], local: () => ({ service }), remote: { of: () => [] } },
    nodes: { localNames: () => [] },
  } as unknown as MeshState;
  const health = new Health(clock);
  const deps = {
    kube,
    state,
    policy: { policies },
    pacer: new Pacer(clock),
    clock,
    health,
    log: silentLogger,
    startupTaint: taint,
  };
  void createEvents({ ...deps, status: () => status, notReady: () => notReady }).run(stop.signal);
}

const node = () => kube.get(nodes, { name: 'n1' });

describe('what the agent says in the Kubernetes API', () => {
  it('takes its taint off the node when the mesh is there, and leaves the others', async () => {
    notReady = 'waiting for cluster north';
    start();
    await clock.advance(5_000);
    expect((await node()).spec?.taints).toHaveLength(2);
    notReady = undefined;
    await clock.advance(5_000);
    expect((await node()).spec?.taints).toMatchObject([{ key: 'dedicated' }]);
  });

  it('keeps a condition of the node, whose transition time tells of its status alone', async () => {
    notReady = 'waiting for cluster north';
    start();
    await clock.advance(1_000);
    const condition = async () => (await node()).status?.conditions?.find(({ type }) => type === 'ClusterMeshReady');
    expect(await condition()).toMatchObject({ status: 'False', reason: 'NotSynced', message: notReady });
    notReady = undefined;
    await clock.advance(10_000);
    const synced = await condition();
    expect(synced).toMatchObject({ status: 'True', reason: 'Synced' });
    const north = { name: 'north', state: 'stale', reason: 'lost', conflicts: 0, rejectedNow: 0, rejectionReasons: [] };
    status = { ...status, clusters: [north] as unknown as AgentStatus['clusters'] };
    await clock.advance(10_000);
    expect(await condition()).toMatchObject({
      ...{ status: 'True', reason: 'ClustersNotReady', message: 'north stale' },
      lastTransitionTime: synced?.lastTransitionTime,
    });
  });

  it('says at a Service why it has no remote backends, and at the node what is wrong with a cluster and with itself', async () => {
    await kube.create(namespaces, { metadata: { name: 'demo' } });
    await kube.create(services, {
      metadata: { name: 'echo', namespace: 'demo' },
      spec: { ports: [{ port: 80 }], selector: { app: 'echo' } },
    });
    const north = { name: 'north', state: 'refused', reason: 'cluster id 1 is ours', rejectedNow: 1 };
    status = {
      ...status,
      clusters: [
        { ...north, rejectionReasons: [{ key: 'ip/10.1.0.1', reason: 'not its range', count: 1 }] },
      ] as unknown as AgentStatus['clusters'],
      conflicts: [{ kind: 'pod-cidr', cluster: 'north' }] as unknown as AgentStatus['conflicts'],
      datapath: { ...status.datapath, problems: ['pod demo/echo-1: its identity is not known yet'] },
    };
    start();
    await clock.advance(40_000);
    const { items } = await kube.list(eventResource);
    expect(
      items
        .map(({ involvedObject, reason, message }) => `${involvedObject.kind ?? ''} ${reason ?? ''}: ${message ?? ''}`)
        .sort(),
    ).toEqual([
      'Node ClusterConflict: cluster north claims what another cluster holds: clustermesh status says what',
      'Node DatapathIncomplete: pod demo/echo-1: its identity is not known yet',
      'Node RemoteClusterRefused: cluster north: cluster id 1 is ours',
      'Node RemoteEntriesRejected: cluster north: ip/10.1.0.1: not its range',
      'Service NoRemoteBackends: no backend in other clusters: north is not read (cluster id 1 is ours)',
    ]);
    expect(items.every(({ involvedObject }) => involvedObject.uid !== undefined)).toBe(true);
  });
});
