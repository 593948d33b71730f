import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import type { Run } from '../run.ts';
import { fakeCli, fakeRun, fakeService } from '../testing/fake-run.ts';
import type { ExpectationVerb, Observation } from '../verb.ts';
import { answers, moves, refused } from './answers.ts';
import { converged } from './converged.ts';
import { event } from './event.ts';
import { inspected, same } from './inspected.ts';
import { remote, shows, troubleshoot } from './mesh-state.ts';
import { resolves } from './resolves.ts';
import { trafficStopped } from './traffic-stopped.ts';
import { Traffic } from '../traffic.ts';
import { unusedProvider } from '../testing/unused-provider.ts';

const from = { cluster: 'east', pod: 'demo/client' };
const service = 'demo/echo';
const spec = {
  clusterIPs: ['10.101.0.9', 'fd00::9'],
  ports: [
    { name: 'http', port: 80, protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ],
};

/** As a scenario file says it. */
function look<T>(
  verb: ExpectationVerb<T>,
  params: z.input<ExpectationVerb<T>['params']>,
  run: Run,
): Promise<Observation> {
  return verb.check(verb.params.parse(params), run);
}

describe('answers', () => {
  it.each([
    { name: 'exactly the clusters', output: { answers: { 'east/a': 10, 'west/b': 20 } }, isMet: true },
    { name: 'one cluster too few', output: { answers: { 'east/a': 30 } }, isMet: false },
    { name: 'one too many', output: { answers: { 'east/a': 1, 'west/b': 1, 'mars/c': 1 } }, isMet: false },
    {
      name: 'a failure among answers',
      output: { answers: { 'east/a': 10, 'west/b': 19 }, failures: { ETIMEDOUT: 1 } },
      isMet: false,
    },
    { name: 'the pod that was deleted', output: { answers: { 'east/a': 10, 'west/gone': 20 } }, isMet: false },
  ])('$name: met $isMet', async ({ output, isMet }) => {
    const run = fakeRun(
      fakeService(spec, () => output),
      { deletedPods: new Map([['gone', { name: 'gone', ip: '' }]]) },
    );
    const seen = await look(answers, { from, service, clusters: ['east', 'west'], without: 'gone' }, run);
    expect(seen.isMet).toBe(isMet);
  });

  it.each([
    { how: {}, flags: { address: '10.101.0.9', port: 80, protocol: 'TCP', requests: 30 } },
    { how: { family: 6 as const }, flags: { address: 'fd00::9', port: 80 } },
    { how: { mapped: true }, flags: { address: '::ffff:10.101.0.9' } },
    {
      how: { protocol: 'UDP' as const, socket: 'unconnected' as const },
      flags: { port: 53, protocol: 'UDP', socket: 'unconnected' },
    },
    { how: { peerIsService: true }, flags: { peer: '10.101.0.9' } },
  ])('asks as $how', async ({ how, flags }) => {
    const fake = fakeService(spec, () => ({ answers: { 'east/a': 30 } }));
    expect(await look(answers, { from, service, clusters: ['east'], ...how }, fakeRun(fake))).toMatchObject({
      isMet: true,
    });
    expect(fake.probes[0]?.flags).toMatchObject(flags);
  });

  it('counts backends where it is asked to', async () => {
    const run = fakeRun(fakeService(spec, () => ({ answers: { 'east/a': 15, 'east/b': 15 } })));
    expect(await look(answers, { from, service, clusters: ['east'], backends: 2 }, run)).toMatchObject({ isMet: true });
    expect(await look(answers, { from, service, clusters: ['east'], backends: 1 }, run)).toMatchObject({
      isMet: false,
      seen: 'east 30, 2 backends',
    });
  });

  it('looks at the backends that are chosen where there are no packets', async () => {
    const row = { service, cluster: 'east', address: '10.1.1.2:8080', state: 'chosen' };
    const backends = [row, { ...row, address: '10.2.1.2:8080', cluster: 'west', state: 'standby' }];
    const run = fakeRun({ ...fakeCli({ 'inspect backends': backends }), cannot: () => 'no packets' });
    expect(await look(answers, { from, service, clusters: ['east'] }, run)).toEqual({
      isMet: true,
      seen: 'backends east 1',
    });
  });

  it('says what the Service lacks', async () => {
    const run = fakeRun(fakeService({ clusterIPs: ['10.101.0.9'], ports: spec.ports }, () => ({})));
    await expect(look(answers, { from, service, clusters: ['east'], family: 6 }, run)).rejects.toThrow(
      /no IPv6 address/,
    );
    await expect(look(answers, { from, service, clusters: ['east'], port: 'admin' }, run)).rejects.toThrow(
      /no TCP port admin/,
    );
  });
});

describe('refused', () => {
  it.each([
    { name: 'all at once', output: { failures: { ECONNREFUSED: 5 }, slowestFailureMs: 7 }, isMet: true },
    { name: 'refused late', output: { failures: { ECONNREFUSED: 5 }, slowestFailureMs: 700 }, isMet: false },
    { name: 'timed out', output: { failures: { ETIMEDOUT: 5 }, slowestFailureMs: 7 }, isMet: false },
    {
      name: 'one answered',
      output: { failures: { ECONNREFUSED: 4 }, answers: { 'east/a': 1 }, slowestFailureMs: 7 },
      isMet: false,
    },
    { name: 'nothing was asked', output: {}, isMet: false },
  ])('$name: met $isMet', async ({ output, isMet }) => {
    const run = fakeRun(fakeService(spec, () => output));
    expect((await look(refused, { from, service }, run)).isMet).toBe(isMet);
  });
});

describe('moves', () => {
  it.each([
    { then: 'west/b', isMet: true },
    { then: 'east/a', isMet: false },
  ])('from east/a to $then after the idle time: met $isMet', async ({ then, isMet }) => {
    const names = ['east/a', then];
    const run = fakeRun(fakeService(spec, () => ({ answers: { [names.shift() ?? '']: 1 } })));
    const looking = look(moves, { from, service, idle: 5 }, run);
    await run.clock.advance(5_000);
    expect(await looking).toEqual({ isMet, seen: `east/a, then ${then}` });
  });
});

describe('resolves', () => {
  it('asks the UDP port, and needs an answer to each query', async () => {
    const fake = fakeService(spec, () => ({ answers: { 'east/dns': 29 }, failures: { ETIMEOUT: 1 } }));
    const seen = await look(resolves, { from, service, clusters: ['east'] }, fakeRun(fake));
    expect(seen).toEqual({ isMet: false, seen: 'east 29, failed: ETIMEOUT 1' });
    expect(fake.probes[0]).toMatchObject({ program: 'dns', flags: { address: '10.101.0.9', port: 53, name: 'who.' } });
  });
});

describe('remote', () => {
  const status = { clusters: [{ name: 'west', state: 'failed', ready: false, error: 'cluster id 3 is taken' }] };
  const run = fakeRun(fakeCli({ 'status --context east': status }));

  it.each([
    { params: { is: 'failed' as const }, isMet: true },
    { params: { is: 'failed' as const, because: 'id 3' }, isMet: true },
    { params: { is: 'failed' as const, because: 'certificate' }, isMet: false },
    { params: { is: 'ready' as const }, isMet: false },
    { params: { is: 'absent' as const }, isMet: false },
    { params: { is: 'absent' as const, cluster: 'mars' }, isMet: true },
  ])('is $params: met $isMet', async ({ params, isMet }) => {
    expect((await look(remote, { of: 'east', cluster: 'west', ...params }, run)).isMet).toBe(isMet);
  });
});

describe('troubleshoot', () => {
  it.each([
    { name: 'nothing that failed', exitCode: 0, stdout: 'east ok\n\nnothing failed\n', want: [true, 'nothing failed'] },
    { name: 'a failure, in its words', exitCode: 1, stdout: 'west: no route\n', want: [false, 'west: no route'] },
  ])('finds $name', async ({ exitCode, stdout, want }) => {
    const run = fakeRun({ troubleshoot: async () => ({ exitCode, stdout, stderr: '' }) });
    const { isMet, seen } = await look(troubleshoot, { of: 'east' }, run);
    expect([isMet, seen]).toEqual(want);
  });
});

describe('shows', () => {
  const run = fakeRun(fakeCli({ 'status --context east': 'west ready\nwest: n1 unreachable for 5s\n' }));

  it.each([
    { params: { text: ['unreachable'] }, isMet: true, seen: 'west: n1 unreachable for 5s' },
    { params: { text: ['stale'] }, isMet: false, seen: /^status of east has no "stale": west ready/ },
    { params: { without: ['unreachable'] }, isMet: false, seen: /still "unreachable"/ },
    { params: { without: ['stale'] }, isMet: true, seen: 'east no longer shows stale' },
  ])('$params: met $isMet', async ({ params, isMet, seen }) => {
    const observation = await look(shows, { of: 'east', ...params }, run);
    expect(observation.isMet).toBe(isMet);
    expect(observation.seen).toMatch(seen);
  });
});

describe('inspected', () => {
  const rows = [
    { cluster: 'west', state: 'conflict' },
    { cluster: 'west', state: 'programmed' },
  ];
  const run = fakeRun(fakeCli({ 'inspect ipcache --context east': rows }));

  it.each([
    { params: { where: { cluster: 'west' } }, isMet: true },
    { params: { where: { cluster: 'west', state: 'conflict' }, atLeast: 2 }, isMet: false },
    { params: { where: { cluster: 'west', state: 'prog*' }, atMost: 1 }, isMet: true },
    { params: { where: { cluster: 'west', state: 'rog*' } }, isMet: false },
    { params: { where: { cluster: 'west' }, atMost: 1 }, isMet: false },
    { params: { where: { cluster: 'north' }, atLeast: 0, atMost: 0 }, isMet: true },
  ])('$params: met $isMet', async ({ params, isMet }) => {
    expect((await look(inspected, { of: 'east', what: 'ipcache', ...params }, run)).isMet).toBe(isMet);
  });
});

it.each([inspected, same])(
  '$name refuses a column that is not there: it would match nothing, or itself',
  async (verb) => {
    const run = fakeRun(fakeCli({ 'inspect ipcache': [{ cluster: 'west' }] }));
    const params = { of: 'east', what: 'ipcache', where: { colour: 'red' }, columns: ['colour'], atMost: 0 };
    const own = verb === same ? { ...params, atMost: undefined } : { ...params, columns: undefined };
    const parsed: unknown = verb.params.parse(JSON.parse(JSON.stringify(own)));
    await expect((verb as ExpectationVerb<unknown>).check(parsed, run)).rejects.toThrow(/no column colour/);
  },
);

describe('same', () => {
  const row = { cluster: 'west', identity: 131_073, labels: 'app=echo', users: 2 };
  const params = { of: 'east', what: 'identities' as const, columns: ['cluster', 'identity'] };
  const lookAt = (rows: readonly object[], remembered: Map<string, string>): Promise<Observation> =>
    look(same, params, fakeRun(fakeCli({ 'inspect identities --context east': rows }), { remembered }));

  it.each([
    { name: 'the same rows', now: [row], isMet: true },
    { name: 'another column that changed', now: [{ ...row, users: 3 }], isMet: true },
    { name: 'another number', now: [{ ...row, identity: 131_074 }], isMet: false },
    { name: 'one more', now: [row, { ...row, identity: 131_074 }], isMet: false },
    { name: 'none', now: [], isMet: false },
  ])('$name: met $isMet', async ({ now, isMet }) => {
    const remembered = new Map<string, string>();
    expect((await lookAt([], remembered)).isMet).toBe(false); // nothing to remember yet
    expect((await lookAt([row], remembered)).isMet).toBe(true);
    expect((await lookAt(now, remembered)).isMet).toBe(isMet);
  });
});

describe('converged', () => {
  const backend = (address: string, state = 'chosen') => ({ node: 'n1', service, address, state });
  const both = [backend('10.1.1.2:8080'), backend('10.2.1.2:8080', 'standby')];

  function meshOf(eastBackends: readonly object[], eastStatus: object): Run {
    const slice = (ip: string): object => ({
      metadata: { name: 'echo-1' },
      endpoints: [{ addresses: [ip] }, { addresses: ['10.9.9.9'], conditions: { ready: false } }],
      ports: [{ port: 8080 }, { port: 8080, protocol: 'UDP' }],
    });
    const lists = new Map([
      ['east', slice('10.1.1.2')],
      ['west', slice('10.2.1.2')],
    ]);
    return fakeRun({
      ...fakeCli({
        'status --context east': eastStatus,
        'status --context west': { clusters: [{ name: 'east', state: 'ready', ready: true }], problems: [] },
        'inspect backends --context east': eastBackends,
        'inspect backends --context west': both,
      }),
      kube: (cluster) => ({
        ...fakeService({}, () => ({})).kube(''),
        list: async () => ({ items: [lists.get(cluster)], resourceVersion: '1' }) as never,
      }),
    });
  }
  const ready = { clusters: [{ name: 'west', state: 'ready', ready: true }], problems: [] };

  it.each([
    { name: 'all endpoints on every node', backends: both, status: ready, seen: /^all ready, 2 backends everywhere$/ },
    {
      name: 'one that drains besides',
      backends: [...both, backend('10.2.1.7:8080', 'terminating')],
      status: ready,
      seen: /^all ready/,
    },
    {
      name: 'one too few',
      backends: [backend('10.1.1.2:8080')],
      status: ready,
      seen: /^n1 of east has backends 10.1.1.2:8080, not /,
    },
    { name: 'one too many', backends: [...both, backend('10.2.1.7:8080')], status: ready, seen: /10.2.1.7:8080, not / },
    { name: 'a node without any', backends: [], status: ready, seen: /^only 0 of 1 nodes of east/ },
    {
      name: 'a remote that is not ready',
      backends: both,
      status: { clusters: [{ name: 'west', state: 'stale', ready: false }] },
      seen: /^east sees west stale$/,
    },
    {
      name: 'a problem',
      backends: both,
      status: { ...ready, problems: ['agent has 0 of 1 pods'] },
      seen: /^agent has 0 of 1 pods$/,
    },
  ])('$name', async ({ backends, status, seen }) => {
    const observation = await look(converged, { clusters: ['east', 'west'], service }, meshOf(backends, status));
    expect(observation.seen).toMatch(seen);
    expect(observation.isMet).toBe(observation.seen.startsWith('all ready'));
  });
});

describe('event', () => {
  const about = 'CiliumNetworkPolicy/shop/web';
  const items = [
    { reason: 'Other', message: 'something else' },
    { reason: 'PolicyRuleRefused', message: 'ingress[0]: rules of layer 7 are not served' },
  ];
  const asked: unknown[] = [];
  const run = fakeRun({
    kube: () => ({
      ...unusedProvider.kube(''),
      list: async (_, options) => (asked.push(options), { items: items as never, resourceVersion: '1' }),
    }),
  });

  it.each([
    { reason: 'PolicyRuleRefused', isMet: true },
    { reason: 'PolicyRuleRefused', words: 'layer 7', isMet: true },
    { reason: 'PolicyRuleRefused', words: 'layer 8', isMet: false },
    { reason: 'Gone', isMet: false },
  ])('$reason with words "$words": met $isMet', async ({ isMet, ...wanted }) => {
    expect(await look(event, { of: 'east', about, ...wanted }, run)).toMatchObject({ isMet });
    expect(asked.at(-1)).toEqual({
      namespace: 'shop',
      fieldSelector: 'involvedObject.kind=CiliumNetworkPolicy,involvedObject.name=web',
    });
  });

  it('about what is in no namespace is in `default`', () => {
    const params = event.params.parse({ of: 'east', about: 'CiliumClusterwideNetworkPolicy/web', reason: 'x' });
    expect(event.commands(params, run)).toEqual([
      'kubectl --context east -n default events --for ciliumclusterwidenetworkpolicy/web',
    ]);
  });
});

describe('stops', () => {
  const acted = 1_000_000;

  it.each([
    { name: 'is met by silence that began soon enough', lastOkAfter: 400, silentFor: 2_000, isMet: true },
    { name: 'is met by silence before the actions were done', lastOkAfter: -50, silentFor: 2_050, isMet: true },
    { name: 'waits until it is silence', lastOkAfter: 400, silentFor: 1_900, isMet: false },
    {
      name: 'is never met by an answer that came too late',
      lastOkAfter: 1_001,
      silentFor: 0,
      isMet: false,
      isFinal: true,
    },
  ])('$name', async ({ lastOkAfter, silentFor, isMet, isFinal = false }) => {
    const lastOkAt = acted + lastOkAfter;
    const report = { ok: 9, failed: {}, broken: {}, answers: {}, longestGapMs: 1, lastOkAt, at: lastOkAt + silentFor };
    const never = () => Promise.reject(new Error('not used in this test'));
    const traffic = new Traffic({ latest: () => report, ask: never, ended: new Promise(() => undefined), stop: never });
    traffic.acted(acted);
    const run = fakeRun({}, { traffic: new Map([['old', traffic]]) });
    expect(await look(trafficStopped, { name: 'old' }, run)).toMatchObject({ isMet, isFinal });
  });

  it('is never met by traffic that there is not', async () => {
    expect(await look(trafficStopped, { name: 'old' }, fakeRun({}))).toMatchObject({ isMet: false, isFinal: true });
  });
});
