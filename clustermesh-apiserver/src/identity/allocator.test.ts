import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { KubeClient } from '@clustermesh/kube';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import type { IdentityRange, LabelArray } from '@clustermesh/wire';

import { FakeKube } from '../testing/fake-kube.ts';
import { Interleaving } from '../testing/interleaving.ts';
import { IdentityAllocator } from './allocator.ts';
import { candidates } from './candidates.ts';
import { IdentityCollector } from './collector.ts';
import { labelText } from './label-set.ts';
import { MeshIdentityClient } from './mesh-identity-client.ts';
import { newMeshIdentity, parseMeshIdentity, unusedSince } from './mesh-identity.ts';
import type { MeshIdentity } from './mesh-identity.ts';

const wide: IdentityRange = { first: 65536, last: 131071 };
const graceMs = 900_000;

function labels(app: string): LabelArray {
  return [
    { source: 'k8s', key: 'app', value: app },
    { source: 'k8s', key: 'io.cilium.k8s.policy.cluster', value: 'east' },
  ];
}
const web = labels('web');
const webText = labelText(web);

interface ReplicaOptions {
  readonly client?: KubeClient;
  readonly range?: IdentityRange;
  readonly deliver?: (apply: () => void) => void;
}

/** An apiserver's allocator with its watch of the API. */
function replica(kube: FakeKube, clock: FakeClock, options: ReplicaOptions = {}) {
  const settled: string[] = [];
  const health = new Health(clock);
  const client = options.client ?? kube.client();
  const deps = { kube: client, clock, random: seededRandom(1), health, log: silentLogger };
  const allocator = new IdentityAllocator(
    options.range ?? wide,
    { settled: (text) => void settled.push(text), identityChanged: () => undefined },
    deps,
  );
  const collector = new IdentityCollector({
    allocator,
    client: new MeshIdentityClient(client),
    clock,
    log: silentLogger,
    graceMs,
  });
  const stop = new AbortController();
  const deliver = options.deliver ?? ((apply) => apply());
  kube.onChange((type, object) => {
    deliver(() => {
      if (type === 'DELETED') allocator.deleted(object as MeshIdentity);
      else allocator.upserted(object as MeshIdentity);
    });
  });
  for (const object of kube.objects.values()) allocator.upserted(object as MeshIdentity);
  allocator.synced();
  void allocator.run(stop.signal);
  return { allocator, collector, settled, stop, signal: stop.signal, health };
}

function objectOf(kube: FakeKube, number: number | undefined): MeshIdentity | undefined {
  return kube.objects.get(`${number ?? ''}`) as MeshIdentity | undefined;
}

describe('IdentityAllocator', () => {
  it('gives a label set a number of its cluster, whose object exists and is marked as used', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const { allocator, settled } = replica(kube, clock);
    expect(allocator.use(web, 'default/web-0')).toBe(webText);
    expect(allocator.numberOf(webText)).toBeUndefined();
    await clock.advance(0);
    const number = allocator.numberOf(webText);
    expect(number).toBe(candidates(webText, wide).next().value);
    expect(settled).toContain(webText);
    expect(objectOf(kube, number)?.spec.labels).toEqual({
      'k8s:app': 'web',
      'k8s:io.cilium.k8s.policy.cluster': 'east',
    });
    expect(objectOf(kube, number)?.metadata.annotations).toEqual({});
  });

  it('does not create anything before it has seen what exists', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const deps = { kube: kube.client(), clock, random: seededRandom(1), health: new Health(clock), log: silentLogger };
    const allocator = new IdentityAllocator(wide, { settled: () => undefined, identityChanged: () => undefined }, deps);
    void allocator.run(new AbortController().signal);
    allocator.use(web, 'a');
    await clock.advance(60_000);
    expect(kube.objects.size).toBe(0);
    allocator.synced();
    await clock.advance(0);
    expect(kube.objects.size).toBe(1);
  });

  it('keeps every number over a restart, whatever became of etcd', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const before = replica(kube, clock);
    const sets = Array.from({ length: 50 }, (_, index) => labels(`app-${index}`));
    for (const set of sets) before.allocator.use(set, 'pod');
    await clock.advance(0);
    before.stop.abort();
    const versions = [...kube.objects.values()].map((object) => object.metadata.resourceVersion);
    const after = replica(kube, clock);
    for (const set of sets) after.allocator.use(set, 'pod');
    await clock.advance(0);
    for (const set of sets) {
      expect(after.allocator.numberOf(labelText(set))).toBe(before.allocator.numberOf(labelText(set)));
    }
    expect([...kube.objects.values()].map((object) => object.metadata.resourceVersion)).toEqual(versions);
  });

  it('takes the next number when the first one belongs to another label set', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const [first, second] = [...candidates(webText, wide)];
    await kube.client().create({ ...resource, kind: 'MeshIdentity' }, newMeshIdentity(first ?? 0, labels('other'), ''));
    const { allocator } = replica(kube, clock);
    allocator.use(web, 'a');
    await clock.advance(0);
    expect(allocator.numberOf(webText)).toBe(second);
  });

  it('says that the numbers are used up, and goes on when one becomes free', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const { allocator, health, settled } = replica(kube, clock, { range: { first: 65536, last: 65536 } });
    allocator.use(labels('other'), 'a');
    await clock.advance(0);
    allocator.use(web, 'b');
    await clock.advance(0);
    expect(settled).toContain(webText);
    expect(health.report()[0]).toMatchObject({ state: 'degraded', reason: expect.stringContaining('taken') });
    allocator.release(labelText(labels('other')), 'a');
    await kube.client().delete(resource, { name: '65536' });
    await clock.advance(60_000);
    expect(allocator.numberOf(webText)).toBe(65536);
    expect(health.report()[0]).toMatchObject({ state: 'ok' });
  });

  it('creates an object anew that was deleted under its users, and publishes it all the while', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const { allocator } = replica(kube, clock);
    allocator.use(web, 'a');
    await clock.advance(0);
    const number = allocator.numberOf(webText) ?? 0;
    await kube.client().delete(resource, { name: `${number}` });
    expect(allocator.labelsOf(number)).toEqual(web);
    await clock.advance(0);
    expect(allocator.numberOf(webText)).toBe(number);
    expect(objectOf(kube, number)).toBeDefined();
  });

  it('moves to the lowest number when two objects hold one label set', async () => {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const { allocator } = replica(kube, clock);
    allocator.use(web, 'a');
    await clock.advance(0);
    await kube.client().create(resource, newMeshIdentity(65536, web, '2026-01-01T00:00:00Z'));
    await clock.advance(0);
    expect(allocator.numberOf(webText)).toBe(65536);
    expect([...allocator.unused()].map((identity) => identity.text)).toEqual([webText]);
  });
});

const resource = {
  group: 'clustermesh.io',
  version: 'v1alpha1',
  plural: 'meshidentities',
  kind: 'MeshIdentity',
  namespaced: false,
};

describe('several replicas', () => {
  const apps = ['web', 'db', 'cache'] as const;
  /** What one of the replicas is told to do at some moment. */
  const action = fc.record({
    replica: fc.nat(2),
    app: fc.constantFrom(...apps),
    kind: fc.constantFrom('use', 'use', 'release', 'free'),
  });
  const narrow: IdentityRange = { first: 65536, last: 65543 };

  /** Where the label set would like to be there is an old identity that nobody uses, so its number comes free some day. */
  async function occupy(kube: FakeKube): Promise<void> {
    const wanted = new Set(apps.map((app) => candidates(labelText(labels(app)), narrow).next().value ?? 0));
    for (const number of wanted)
      await kube.client().create(resource, newMeshIdentity(number, labels(`old-${number}`), ''));
  }

  async function free(kube: FakeKube, app: string): Promise<void> {
    const number = candidates(labelText(labels(app)), narrow).next().value ?? 0;
    const isOld = objectOf(kube, number)?.spec.labels['k8s:app'] === `old-${number}`;
    if (isOld) await kube.client().delete(resource, { name: `${number}` });
  }

  /** A watch tells in order, but each event takes its time. */
  function lagging(interleaving: Interleaving, lag: number): (apply: () => void) => void {
    const lane = interleaving.lane();
    let last = Promise.resolve();
    return (apply) => {
      last = last.then(async () => {
        for (let turn = 0; turn <= lag; turn++) await lane.turn();
        apply();
      });
    };
  }

  it('agree on every number, and never use one whose object is missing or another set’s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(action, { maxLength: 20 }), async (seed, actions) => {
        const kube = new FakeKube();
        await occupy(kube);
        const clock = new FakeClock();
        const interleaving = new Interleaving(seededRandom(seed));
        const replicas = [0, 4, 16].map((lag) =>
          replica(kube, clock, {
            client: interleaving.client(kube.client()),
            range: narrow,
            deliver: lagging(interleaving, lag),
          }),
        );
        const users = replicas.map(() => new Set<string>());
        const script = interleaving.lane();
        const play = async (): Promise<void> => {
          for (const { replica: at, app, kind } of actions) {
            await script.turn();
            if (kind === 'free') await free(kube, app);
            if (kind === 'use') users[at]?.add(app);
            if (kind === 'use') replicas[at]?.allocator.use(labels(app), 'pod');
            if (kind === 'release' && users[at]?.delete(app))
              replicas[at]?.allocator.release(labelText(labels(app)), 'pod');
          }
        };
        const playing = play();
        const check = (): void => {
          for (const { allocator } of replicas) {
            for (const app of apps) {
              const text = labelText(labels(app));
              const number = allocator.numberOf(text);
              if (number === undefined) continue;
              const object = objectOf(kube, number);
              expect(object && parseMeshIdentity(object)?.text).toBe(text);
            }
          }
        };
        await interleaving.run(check);
        await playing;
        for (const app of apps) {
          const text = labelText(labels(app));
          const used = replicas.flatMap(({ allocator }, at) => (users[at]?.has(app) ? [allocator.numberOf(text)] : []));
          expect(new Set(used).size).toBeLessThanOrEqual(1);
          expect(used).not.toContain(undefined);
          if (used.length > 0) expect(unusedSince(objectOf(kube, used[0])!)).toBeUndefined();
        }
        for (const one of replicas) one.stop.abort();
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe('IdentityCollector', () => {
  async function setUp(replicaCount: number) {
    const [kube, clock] = [new FakeKube(), new FakeClock()];
    const replicas = Array.from({ length: replicaCount }, () => replica(kube, clock));
    const round = async (advanceMs: number): Promise<void> => {
      await clock.advance(advanceMs);
      for (const { collector, signal } of replicas) await collector.round(signal);
      await clock.advance(0);
    };
    for (const { allocator } of replicas) allocator.use(web, 'a');
    await clock.advance(0);
    return { kube, clock, replicas, round, number: replicas[0]?.allocator.numberOf(webText) };
  }

  it('deletes an identity once it had no user for the grace period', async () => {
    const { kube, replicas, round, number } = await setUp(1);
    await round(graceMs * 2);
    expect(objectOf(kube, number)).toBeDefined();
    replicas[0]?.allocator.release(webText, 'a');
    await round(0);
    expect(unusedSince(objectOf(kube, number)!)).toBe('2026-01-01T00:30:00.000Z');
    await round(0);
    await round(graceMs - 1);
    expect(objectOf(kube, number)).toBeDefined();
    await round(1);
    expect(objectOf(kube, number)).toBeUndefined();
  });

  it('starts over when a user came back meanwhile', async () => {
    const { kube, clock, replicas, round, number } = await setUp(1);
    replicas[0]?.allocator.release(webText, 'a');
    await round(0);
    await round(graceMs / 2);
    replicas[0]?.allocator.use(web, 'b');
    await clock.advance(0);
    expect(replicas[0]?.allocator.numberOf(webText)).toBe(number);
    expect(unusedSince(objectOf(kube, number)!)).toBeUndefined();
    replicas[0]?.allocator.release(webText, 'b');
    await round(graceMs);
    await round(graceMs / 2);
    expect(objectOf(kube, number)).toBeDefined();
  });

  it('never deletes what another replica uses', async () => {
    const { kube, replicas, round, number } = await setUp(2);
    replicas[0]?.allocator.release(webText, 'a');
    for (let hour = 0; hour < 10; hour++) await round(graceMs);
    expect(objectOf(kube, number)).toBeDefined();
    expect(replicas[1]?.allocator.numberOf(webText)).toBe(number);
    replicas[1]?.allocator.release(webText, 'a');
    for (let hour = 0; hour < 3; hour++) await round(graceMs);
    expect(objectOf(kube, number)).toBeUndefined();
  });

  it('trusts only what it saw itself: a restart begins the grace period anew', async () => {
    const { kube, clock, replicas, round, number } = await setUp(1);
    replicas[0]?.allocator.release(webText, 'a');
    await round(0);
    await round(graceMs - 1);
    replicas[0]?.stop.abort();
    const { collector, signal } = replica(kube, clock);
    await clock.advance(graceMs);
    await collector.round(signal);
    expect(objectOf(kube, number)).toBeDefined();
    await clock.advance(graceMs);
    await collector.round(signal);
    expect(objectOf(kube, number)).toBeUndefined();
  });

  it('deletes identities outside of the range, which a former cluster id left behind', async () => {
    const { kube, round } = await setUp(1);
    await kube.client().create(resource, newMeshIdentity(300, web, '2026-01-01T00:00:00Z'));
    await round(0);
    await round(graceMs);
    expect(objectOf(kube, 300)).toBeUndefined();
    expect(kube.objects.size).toBe(1);
  });
});
