import { describe, expect, it } from '@jest/globals';

import { isMeshReady, remoteStatus, worstViews } from './mesh-status.ts';
import type { MeshStatus, MirrorStatus } from './mesh-status.ts';
import { renderMeshStatus } from './render.ts';

const now = Date.UTC(2026, 0, 1, 12, 0, 30);
const contact = '2026-01-01T12:00:00Z';

describe('remoteStatus', () => {
  it.each<{ name: string; mirror: Partial<MirrorStatus>; want: object }>([
    {
      name: 'connected with everything mirrored is ready',
      mirror: { connected: true, ready: true, 'last-contact': contact },
      want: { state: 'ready', ready: true, age: '30s' },
    },
    {
      name: 'an error of the past is not shown once ready',
      mirror: { connected: true, ready: true, 'last-error': 'old', 'last-error-code': 'KV_UNAVAILABLE' },
      want: { state: 'ready', error: undefined, errorCode: undefined },
    },
    {
      name: 'connected and not yet mirrored is connecting',
      mirror: { connected: true, ready: false },
      want: { state: 'connecting', ready: false },
    },
    {
      name: 'contact that was there and is lost is stale, with its age and reason',
      mirror: { connected: false, 'last-contact': contact, 'last-error': 'no answer' },
      want: { state: 'stale', ready: false, age: '30s', error: 'no answer' },
    },
    {
      name: 'never reached is failed',
      mirror: { connected: false, 'last-error': 'wrong CA', 'last-error-code': 'TLS_UNTRUSTED' },
      want: { state: 'failed', errorCode: 'TLS_UNTRUSTED' },
    },
    { name: 'not tried yet is connecting', mirror: {}, want: { state: 'connecting' } },
    { name: 'a removed cluster is draining', mirror: { state: 'leaving' }, want: { state: 'draining', ready: false } },
    { name: 'so is one whose grace is over', mirror: { state: 'draining' }, want: { state: 'draining', ready: false } },
  ])('$name', ({ mirror, want }) => {
    const status = remoteStatus({ name: 'west', ...mirror }, now);
    expect({ ...status, error: status.error, errorCode: status.errorCode }).toMatchObject(want);
  });
});

describe('worstViews', () => {
  it('shows the worst of what several replicas see, clusters in order', () => {
    const view = (name: string, mirror: Partial<MirrorStatus>) => remoteStatus({ name, ...mirror }, now);
    const ready = { connected: true, ready: true };
    const views = [view('west', ready), view('north', ready), view('west', { 'last-contact': contact })];
    expect(worstViews(views).map(({ name, state }) => `${name} ${state}`)).toEqual(['north ready', 'west stale']);
  });
});

describe('renderMeshStatus', () => {
  const status: MeshStatus = {
    cluster: { name: 'east', id: 1 },
    apiserver: { ready: 1, wanted: 1 },
    agents: { ready: 1, wanted: 2 },
    clusters: [
      remoteStatus(
        { name: 'north', config: { 'cluster-id': 2 }, 'last-contact': contact, 'last-error': 'no answer' },
        now,
      ),
    ],
    problems: [],
    notices: [],
  };

  it('shows components, clusters with their age, and one line per error', () => {
    expect(renderMeshStatus(status).split('\n')).toEqual([
      'cluster east (id 1)   apiserver 1/1   agents 1/2 NOT READY',
      '',
      'CLUSTER   ID   STATE   AGE   DATAPATH   NODES   ENDPOINTS   IDENTITIES   SERVICES',
      'north     2    stale   30s   -          0       0           0            0',
      '',
      'north: no answer',
    ]);
  });

  it('says how many policies there are, and what they judge', () => {
    const [first] = renderMeshStatus({ ...status, policy: { policies: 3, scopes: ['all', 'mesh'] } }).split('\n');
    expect(first).toBe('cluster east (id 1)   apiserver 1/1   agents 1/2 NOT READY   policies 3 (scope all, mesh)');
  });

  it('names the cache where it is not the cluster\u2019s etcd', () => {
    const cache = { store: 'redis', address: 'rediss://redis:6379' };
    const [first] = renderMeshStatus({ ...status, cache }).split('\n');
    expect(first).toBe('cluster east (id 1)   apiserver 1/1   agents 1/2 NOT READY   cache redis rediss://redis:6379');
  });

  it('explains what is not mirrored, or late, of a cluster that is connected', () => {
    const mirror: MirrorStatus = {
      ...{ name: 'north', connected: true, ready: true, malformed: { count: 3, example: 'x' } },
      'over-quota': { count: 2, reason: 'over the limit of 9 entries (--remote-max-keys): 2 entries are not mirrored' },
      throttled: { pending: 7, seconds: 3 },
      'not-written': { pending: 4, reason: 'write x: database space exceeded' },
    };
    const lines = renderMeshStatus({ ...status, clusters: [remoteStatus(mirror, now)] }).split('\n');
    expect(lines.slice(-4)).toEqual([
      'north: the cache is not written, 4 entries wait: write x: database space exceeded',
      'north: over the limit of 9 entries (--remote-max-keys): 2 entries are not mirrored',
      'north: 3 malformed keys passed over, for example x',
      'north: changes faster than the limit: 7 entries are late',
    ]);
  });

  it('shows the age of what agents withdrew, and notices last; those are no reason not to be ready', () => {
    const north = {
      ...remoteStatus({ name: 'north', connected: true, ready: true }, now),
      age: '3m',
      datapath: 'withdrawn',
    } as const;
    const withdrawn: MeshStatus = {
      ...status,
      agents: { ready: 2, wanted: 2 },
      clusters: [north],
      notices: ['conflict: x'],
    };
    const lines = renderMeshStatus(withdrawn).split('\n');
    expect(lines[3]).toBe('north     -    ready   3m    withdrawn   0       0           0            0');
    expect(lines.at(-1)).toBe('conflict: x');
    expect(isMeshReady(withdrawn)).toBe(true);
  });

  it('says what to do when there is no remote cluster', () => {
    expect(renderMeshStatus({ ...status, clusters: [] })).toContain('clustermesh connect');
  });

  it('is ready when every component and every cluster is', () => {
    const clusters = [remoteStatus({ name: 'north', connected: true, ready: true }, now)];
    expect(isMeshReady(status)).toBe(false);
    expect(isMeshReady({ ...status, agents: { ready: 2, wanted: 2 }, clusters })).toBe(true);
    expect(isMeshReady({ ...status, agents: { ready: 2, wanted: 2 }, clusters, problems: ['x'] })).toBe(false);
  });
});
