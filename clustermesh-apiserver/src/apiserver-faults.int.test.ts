import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { customResourceDefinitions } from '@clustermesh/kube';
import { eventually } from '@clustermesh/testkit';

import { meshIdentities, unusedSince } from './identity/mesh-identity.ts';
import { ClusterUnderFaults } from './testing/cluster-under-faults.ts';
import { failure } from './testing/kube-front.ts';
import type { Fault, KubeCall } from './testing/kube-front.ts';
import {
  expectedKeys,
  ipKey,
  isMark,
  kubernetesWorkloads,
  workloadIp,
  workloadName,
  workloads,
} from './testing/workloads.ts';

jest.setTimeout(120_000);

const patience = { timeoutMs: 60_000 };
const gone = failure(410, 'Expired');

describe('clustermesh-apiserver of 10,000 pods, when the Kubernetes API', () => {
  let cluster: ClusterUnderFaults;
  /** Pods that tests made beside those of the start. */
  let added = 0;
  beforeAll(async () => {
    cluster = await ClusterUnderFaults.start(kubernetesWorkloads);
  });
  afterEach(() => {
    cluster.fault = () => undefined;
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Deletes a pod and creates another one; the writes that this is worth. */
  async function change(): Promise<readonly string[]> {
    const index = ++added;
    await cluster.kube.delete(
      { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
      { namespace: 'default', name: workloadName(workloads - index) },
      { gracePeriodSeconds: 0 },
    );
    await kubernetesWorkloads.addWorkload(cluster.kube, `added-${index}`, `10.200.0.${index}`);
    return [`delete ${ipKey(workloadIp(workloads - index))}`, `put ${ipKey(`10.200.0.${index}`)}`];
  }

  /** Nobody can resume before it. */
  async function forgottenChange(): Promise<readonly string[]> {
    cluster.proxy.refuse();
    const changes = await change();
    cluster.compact();
    cluster.proxy.resume();
    return changes;
  }

  /** Answers so, to each list or watch of each kind so many times; resolves when all have heard it. */
  function answer(times: number, isMeant: (call: KubeCall) => boolean, fault: (count: number) => Fault): Promise<void> {
    const counts = new Map<string, number>();
    cluster.fault = (call) => {
      const count = counts.get(call.plural) ?? 0;
      if (!isMeant(call) || count >= times) return undefined;
      counts.set(call.plural, count + 1);
      return fault(count);
    };
    return eventually(() => {
      const heard = kubernetesWorkloads.watched.filter((plural) => counts.get(plural) === times);
      expect(heard).toEqual(kubernetesWorkloads.watched);
    }, patience);
  }

  it('is as it should be, has all its objects published, over HTTP/1.1 where HTTP/2 is offered', async () => {
    const keys = cluster.writes.keys('cilium/state/');
    expect(keys.filter((key) => !key.includes('/identities/') && !isMark(key))).toEqual(expectedKeys());
    expect(keys.filter((key) => key.includes('/identities/'))).toHaveLength(20);
    expect([...cluster.front.httpVersions]).toEqual(['1.1']);
    expect(await cluster.settled()).toEqual([]);
  });

  it('is restarted, writes only what changed meanwhile', async () => {
    await cluster.kill();
    const changes = await change();
    await cluster.serve();
    await cluster.watching();
    expect(await cluster.settled()).toEqual(changes);
  });

  it('is cut off half-open, nobody being told: it is noticed, and nothing lost', async () => {
    cluster.proxy.strand();
    const changes = await change();
    expect(await cluster.settled()).toEqual(changes);
  });

  it.each(['down', 'up'] as const)('is heard no more, one way (%s): nothing is withdrawn', async (direction) => {
    const connections = cluster.proxy.accepted;
    cluster.proxy.pause(direction);
    const changes = await change();
    // Silence is noticed where answers do not come; requests that do not go matter to who has something to ask.
    if (direction === 'down')
      await eventually(() => expect(cluster.proxy.accepted).toBeGreaterThan(connections), patience);
    cluster.proxy.resume();
    expect(await cluster.settled()).toEqual(changes);
  });

  it('forgets every revision, again and again, by status or by event: it is listed and compared', async () => {
    const storm = answer(
      2,
      ({ isWatch }) => isWatch,
      (count) => (count % 2 === 0 ? { status: 410, body: gone } : { event: gone }),
    );
    cluster.front.endWatches();
    await storm;
    const changes = await change();
    expect(await cluster.settled()).toEqual(changes);
  });

  it('asks to slow down, fails, and answers by the page of a proxy: it is asked again', async () => {
    const faults: readonly Fault[] = [
      { status: 429, body: failure(429, 'TooManyRequests'), headers: { 'Retry-After': '1' } },
      { status: 503, body: '<html>' },
      { status: 500, body: failure(500, 'InternalError') },
    ];
    const trouble = answer(
      3,
      () => true,
      (count) => faults[count] ?? 'silence',
    );
    cluster.proxy.cut();
    await trouble;
    expect(await cluster.settled()).toEqual([]);
  });

  it('forgets history, and breaks in the middle of listings: half a listing deletes nothing (I3)', async () => {
    const changes = await forgottenChange();
    for (const bytes of [20_000, 400_000, 1_500_000]) {
      const before = cluster.proxy.passed('down');
      cluster.proxy.cutAfter(bytes);
      await eventually(() => expect(cluster.proxy.passed('down')).toBeGreaterThanOrEqual(before + bytes), patience);
    }
    expect(await cluster.settled()).toEqual(changes);
  });

  it('forgets a listing between its pages: it is listed at once', async () => {
    let expired = 0;
    cluster.fault = ({ query }) => {
      if (query.get('continue') === null || expired > 0) return undefined;
      expired++;
      return { status: 410, body: gone };
    };
    const changes = await forgottenChange();
    await eventually(() => expect(expired).toBe(1), patience);
    expect(await cluster.settled()).toEqual(changes);
  });

  it('is compressed by a proxy: it is read', async () => {
    cluster.front.isGzipped = true;
    const changes = await forgottenChange();
    expect(await cluster.settled()).toEqual(changes);
    cluster.front.isGzipped = false;
  });

  it('is answered by a replica that lags behind: nothing goes back', async () => {
    const old = cluster.backup();
    const changes = await change();
    expect(await cluster.settled()).toEqual(changes);
    const back = await cluster.divert(old());
    await eventually(() => expect(cluster.program.output()).toContain('older than read before'), patience);
    await back();
    expect(await cluster.settled()).toEqual([]);
  });

  it('is restored from a backup, and serves the future that it lost in silence: it is listed', async () => {
    const backup = cluster.backup();
    const [deleted = '', put = ''] = await change();
    expect(await cluster.settled()).toEqual([deleted, put]);
    await cluster.kill();
    const restored = backup();
    cluster.fault = ({ isWatch, query }) =>
      isWatch && Number(query.get('resourceVersion')) > restored.store.revision ? 'silence' : undefined;
    await cluster.serve(restored);
    await eventually(() => expect(cluster.writes.get(put.slice('put '.length))).toBeUndefined(), patience);
    await cluster.watching();
    expect(await cluster.settled()).toEqual([
      `delete ${put.slice('put '.length)}`,
      `put ${deleted.slice('delete '.length)}`,
    ]);
    added--;
  });

  it('takes our rights to pods away, and gives them back: nothing is withdrawn, and it is told', async () => {
    const message = 'pods is forbidden: User "publisher" cannot watch resource "pods"';
    cluster.fault = ({ plural }) =>
      plural === 'pods' ? { status: 403, body: failure(403, 'Forbidden', { message }) } : undefined;
    cluster.front.endWatches('pods');
    await eventually(() => expect(cluster.program.output()).toContain(message.replaceAll('"', '\\"')), patience);
    const health = await (await fetch(`http://127.0.0.1:${cluster.healthPort}/healthz`)).text();
    expect(health).toContain('watch/pods');
    cluster.fault = () => undefined;
    expect(await cluster.settled()).toEqual([]);
  });

  it('believes another token only, then is of another authority: the files are read anew', async () => {
    const replaceToken = await cluster.rotateToken('second');
    await eventually(() => expect(cluster.program.output()).toContain('Unauthorized'), patience);
    await replaceToken();
    expect(await cluster.settled()).toEqual([]);
    const replaceAuthority = await cluster.rotateAuthority('Next CA');
    await eventually(() => expect(cluster.program.output()).toContain('TLS_UNTRUSTED'), patience);
    await replaceAuthority();
    expect(await cluster.settled()).toEqual([]);
  });

  it('admits renewed client certificates only: the files are read anew', async () => {
    const old = new Set<string | undefined>();
    cluster.fault = ({ serial }) => void old.add(serial);
    await cluster.restart();
    await cluster.watching();
    expect([...old]).toEqual([expect.any(String)]);
    cluster.fault = ({ serial }) => (old.has(serial) ? { status: 401, body: failure(401, 'Unauthorized') } : undefined);
    await cluster.restart();
    await cluster.renewCertificate();
    expect(await cluster.settled()).toEqual([]);
  });

  it('loses the definition of identities, and gets it back: numbers stay', async () => {
    const name = 'meshidentities.clustermesh.io';
    const identities = cluster.writes.keys('cilium/state/identities/').length;
    const definition = (await cluster.kube.list(customResourceDefinitions)).items.find(
      ({ spec }) => spec.names.plural === 'meshidentities',
    );
    expect(definition).toBeDefined();
    await cluster.kube.delete(customResourceDefinitions, { name: definition?.metadata.name ?? name });
    await eventually(() => expect(cluster.front.watched).not.toContain('meshidentities'), patience);
    expect(await cluster.settled()).toEqual([]);
    if (definition !== undefined) {
      const { name: same } = definition.metadata;
      await cluster.kube.create(customResourceDefinitions, { ...definition, metadata: { name: same } });
    }
    await cluster.watching();
    // One that nobody has made again would go with its last pod.
    await eventually(async () => {
      const { items } = await cluster.kube.list(meshIdentities);
      expect(items.filter((item) => unusedSince(item) === undefined)).toHaveLength(identities);
    }, patience);
    expect(await cluster.settled()).toEqual([]);
  });

  it('is cut off 50 times: no watch, no socket, no memory is left behind', async () => {
    await cluster.watching();
    const [sockets, heap] = [
      await cluster.metric('process_open_fds'),
      await cluster.metric('nodejs_heap_size_used_bytes'),
    ];
    for (let round = 0; round < 50; round++) {
      const { accepted } = cluster.proxy;
      cluster.proxy.cut();
      await eventually(() => expect(cluster.proxy.accepted).toBeGreaterThan(accepted), patience);
    }
    expect(await cluster.settled()).toEqual([]);
    await cluster.watching();
    await eventually(async () => expect(await cluster.metric('process_open_fds')).toBeLessThan(sockets + 10), patience);
    expect(await cluster.metric('nodejs_heap_size_used_bytes')).toBeLessThan(heap + 100 * 1_048_576);
  });

  it('deletes 10,000 objects while we are cut off, and forgets that it did: each is deleted, and nothing else', async () => {
    await cluster.kill();
    const { items } = await cluster.kube.list({
      group: '',
      version: 'v1',
      plural: 'pods',
      kind: 'Pod',
      namespaced: true,
    });
    const doomed = items.map(({ metadata }) => metadata.name).filter((each) => !each.startsWith('mark'));
    expect(doomed).toHaveLength(workloads);
    const before = cluster.writes.keys(ipKey('')).filter((key) => !isMark(key));
    for (const name of doomed) await kubernetesWorkloads.removeWorkload(cluster.kube, name);
    cluster.compact();
    await cluster.serve();
    await eventually(() => expect(cluster.writes.keys(ipKey('')).filter((key) => !isMark(key))).toEqual([]), patience);
    expect(await cluster.settled()).toEqual(before.map((key) => `delete ${key}`));
  });
});
