import { describe, expect, it } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { cacheOwnerKey } from '@clustermesh/wire';

import { CacheClaim } from './cache-claim.ts';

const address = 'rediss://redis:6379/0';

function setUp() {
  const clock = new FakeClock();
  const server = new MemoryKvServer({ clock });
  const health = new Health(clock);
  const claimOf = (cluster: string) => {
    const kv = new MemoryKvStore(server, { clock, leaseTtlSeconds: 60 });
    const claim = new CacheClaim({
      ...{ kv, address, cluster, clock, health },
      ...{ random: seededRandom(1), log: silentLogger },
    });
    const stop = new AbortController();
    return { claim, stop, running: claim.run(stop.signal) };
  };
  const owner = async (): Promise<string | undefined> => {
    const found = await new MemoryKvStore(server, { clock }).get(cacheOwnerKey);
    return found && Buffer.from(found.value).toString();
  };
  return { clock, server, health, claimOf, owner };
}

describe('CacheClaim', () => {
  it('says whose cache an empty store is from now on', async () => {
    const { clock, claimOf, owner } = setUp();
    const { claim, stop, running } = claimOf('east');
    expect(claim.problem).toBeDefined();
    await clock.advance(0);
    await claim.held(stop.signal);
    expect(claim.problem).toBeUndefined();
    expect(await owner()).toBe('east');
    stop.abort();
    await running;
  });

  it('keeps out of the cache of another cluster, and takes it over when that has gone', async () => {
    const { clock, server, health, claimOf, owner } = setUp();
    server.apply([{ kind: 'put', key: cacheOwnerKey, value: Buffer.from('west') }], 0);
    const { claim, stop, running } = claimOf('east');
    await clock.advance(60_000);
    const want =
      'mirror into rediss://redis:6379/0: it holds the cache of cluster west; each cluster needs a database of its own (--cache=rediss://redis:6379/NUMBER)';
    expect(claim.problem).toBe(want);
    expect(health.report()).toMatchObject([{ name: 'cache-owner', state: 'degraded', reason: want }]);
    expect(await owner()).toBe('west');
    server.apply([{ kind: 'delete', key: cacheOwnerKey }], 0);
    await clock.advance(10_000);
    expect(claim.problem).toBeUndefined();
    expect(await owner()).toBe('east');
    stop.abort();
    await running;
  });

  it('shares it with other replicas of its cluster, each of which keeps it said', async () => {
    const { clock, claimOf, owner } = setUp();
    const first = claimOf('east');
    await clock.advance(1_000);
    const second = claimOf('east');
    await clock.advance(1_000);
    expect(second.claim.problem).toBeUndefined();
    expect(await owner()).toBe('east');
    for (const { stop, running } of [first, second]) {
      stop.abort();
      await running;
    }
  });

  it('says it again to a store that has lost its data', async () => {
    const { clock, server, claimOf, owner } = setUp();
    const { claim, stop, running } = claimOf('east');
    await clock.advance(1_000);
    server.wipe();
    expect(await owner()).toBeUndefined();
    await clock.advance(30_000);
    expect(await owner()).toBe('east');
    expect(claim.problem).toBeUndefined();
    stop.abort();
    await running;
  });
});
