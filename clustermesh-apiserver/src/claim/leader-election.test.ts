import { afterEach, describe, expect, it } from '@jest/globals';

import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, MeshError, seededRandom, silentLogger } from '@clustermesh/runtime';

import { LeaderElection } from './leader-election.ts';
import { leaderKey } from './leader-record.ts';

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  /** `cut` is a replica that does not reach etcd. */
  const replica = (seed: number) => {
    const stop = new AbortController();
    stops.push(stop);
    const store = new MemoryKvStore(server, { clock });
    const link = { cut: false, slow: false };
    const reached = (): KvStore => {
      if (link.cut) throw new MeshError('KV_UNAVAILABLE', 'reach etcd', { retryable: true });
      return store;
    };
    const kv: KvStore = {
      description: 'cuttable',
      get: async (key, signal) => reached().get(key, signal),
      watch: (prefix, options, signal) => reached().watch(prefix, options, signal),
      commit: async (ops, signal) => {
        if (link.slow) await clock.sleep(60_000, signal);
        signal.throwIfAborted();
        return reached().commit(ops, signal);
      },
      onLeaseLost: (listener) => store.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
    const health = new Health(clock);
    const election = new LeaderElection({ kv, clock, random: seededRandom(seed), health, log: silentLogger });
    let failure: unknown;
    const running = election.run(stop.signal).catch((error: unknown) => (failure = error));
    const written: string[] = [];
    const put = (key: string): void => {
      const op = { kind: 'put', key, value: Buffer.from('v') } as const;
      void election
        .guard(kv)
        .commit([op], stop.signal)
        .then(() => written.push(key))
        .catch(() => undefined);
    };
    return { election, health, link, put, running, stop, written, failure: () => failure };
  };
  return { clock, server, replica };
}

describe('LeaderElection', () => {
  it('has one leader of several that start at once, and goes on so', async () => {
    const { clock, replica } = setUp();
    const replicas = [1, 2, 3].map(replica);
    for (const { put } of replicas) put('a');
    await clock.advance(600_000);
    expect(replicas.filter(({ election }) => election.isLeader)).toHaveLength(1);
    expect(replicas.filter(({ written }) => written.length > 0)).toHaveLength(1);
    expect(replicas.every(({ failure }) => failure() === undefined)).toBe(true);
  });

  it('goes to the next within two beats when the leader stops', async () => {
    const { clock, replica } = setUp();
    const first = replica(1);
    await clock.advance(10_000);
    const second = replica(2);
    await clock.advance(60_000);
    expect([first.election.isLeader, second.election.isLeader]).toEqual([true, false]);
    first.stop.abort();
    await first.running;
    await clock.advance(10_000);
    expect(second.election.isLeader).toBe(true);
  });

  it('goes to the next when the leader falls silent, who writes nothing from before that on, and then ends', async () => {
    const { clock, replica, server } = setUp();
    const first = replica(1);
    await clock.advance(10_000);
    const second = replica(2);
    await clock.advance(60_000);
    first.link.cut = true;
    await clock.advance(11_000);
    first.link.cut = false;
    first.put('late');
    first.link.cut = true;
    await clock.advance(0);
    expect(second.election.isLeader).toBe(false);
    await clock.advance(30_000);
    expect(second.election.isLeader).toBe(true);
    first.link.cut = false;
    await clock.advance(30_000);
    expect(first.written).toEqual([]);
    expect(server.get('late')).toBeUndefined();
    expect(first.failure()).toMatchObject({ code: 'KV_LEADERSHIP_LOST' });
    expect(second.failure()).toBeUndefined();
  });

  it('lets no write that was begun in time come after the next one leads', async () => {
    const { clock, replica, server } = setUp();
    const first = replica(1);
    await clock.advance(10_000);
    const second = replica(2);
    await clock.advance(60_000);
    first.link.slow = true;
    first.put('slow');
    await clock.advance(9_000);
    first.put('late');
    await clock.advance(300_000);
    expect(second.election.isLeader).toBe(true);
    expect(second.failure()).toBeUndefined();
    expect([server.get('slow'), server.get('late')]).toEqual([undefined, undefined]);
  });

  it('outlives an etcd that is away: the same leader writes on once it has renewed', async () => {
    const { clock, replica } = setUp();
    const [first, second] = [replica(1), replica(2)];
    await clock.advance(60_000);
    const leader = first.election.isLeader ? first : second;
    const follower = leader === first ? second : first;
    leader.link.cut = true;
    follower.link.cut = true;
    await clock.advance(600_000);
    leader.put('a');
    expect(leader.health.report()).toContainEqual(
      expect.objectContaining({ name: 'leader-election', state: 'degraded' }),
    );
    leader.link.cut = false;
    await clock.advance(10_000);
    expect(leader.written).toEqual(['a']);
    follower.link.cut = false;
    await clock.advance(60_000);
    expect([leader.election.isLeader, follower.election.isLeader]).toEqual([true, false]);
  });

  it('begins anew in an etcd that lost its data, and where the record is none', async () => {
    const { clock, replica, server } = setUp();
    server.apply([{ kind: 'put', key: leaderKey, value: Buffer.from('{}') }], 0);
    const only = replica(1);
    await clock.advance(10_000);
    expect(only.election.isLeader).toBe(true);
    server.apply([{ kind: 'delete', key: leaderKey }], 0);
    await clock.advance(10_000);
    expect(server.get(leaderKey)).toBeDefined();
    expect(only.failure()).toBeUndefined();
  });
});
