import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore, connectEtcd } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import {
  FakeClock,
  Health,
  silentLogger as log,
  systemClock as clock,
  systemRandom as random,
} from '@clustermesh/runtime';
import { HostileEtcd, compactedMessage, eventually, progressMessage, putMessage } from '@clustermesh/testkit';
import type { HostileAnswers } from '@clustermesh/testkit';

import { createKvstoremesh } from './kvstoremesh.ts';
import type { Kvstoremesh } from './kvstoremesh.ts';
import { defaultLimits } from './limits/remote-limits.ts';
import { FakeClusters, FakeRemote, remoteFile, settings } from './testing/mesh-fixture.ts';

jest.setTimeout(60_000);

const evilPrefix = 'cilium/state/services/v1/evil/';
const mebibyte = 1_048_576;
const config = { key: 'cilium/cluster-config/evil', value: Buffer.from('{"id":9,"capabilities":{}}') };
const entry = (name: string, bytes = 10): { key: string; value: Buffer } => ({
  ...{ key: evilPrefix + name, value: Buffer.alloc(bytes, 'x') },
});

/** As an honest server would answer, but for what a test says. */
function answers(overrides: Partial<HostileAnswers>): HostileAnswers {
  const range: HostileAnswers['range'] = (key, asked) => {
    if (key === config.key) return { kvs: [config] };
    return overrides.range === undefined ? { kvs: [] } : overrides.range(key, asked);
  };
  return { range, watch: (prefix) => (prefix === evilPrefix ? (overrides.watch?.(prefix) ?? []) : []) };
}

describe('a remote that speaks as no etcd would', () => {
  const stack: AsyncDisposable[] = [];
  const stop = { current: new AbortController() };
  let cache: MemoryKvServer;
  let calm: FakeRemote;
  let mesh: Kvstoremesh;
  let running: Promise<void>;
  let rssBefore: number;
  beforeEach(() => {
    stop.current = new AbortController();
    cache = new MemoryKvServer({ clock });
    calm = new FakeRemote('calm', 2, new FakeClock());
    calm.publish();
    rssBefore = process.memoryUsage.rss();
  });
  afterEach(async () => {
    stop.current.abort();
    await running;
    for (const resource of stack.splice(0)) await resource[Symbol.asyncDispose]();
    cache[Symbol.dispose]();
    calm.server[Symbol.dispose]();
  });

  async function start(overrides: Partial<HostileAnswers>): Promise<HostileEtcd> {
    const evil = await HostileEtcd.listen(answers(overrides));
    const local = new MemoryKvStore(cache, { clock });
    stack.push(evil, local);
    const clusters = new FakeClusters();
    clusters.set(remoteFile('calm'), remoteFile('evil'));
    mesh = createKvstoremesh({
      local,
      connect: async ({ cluster, ...remote }, signal): Promise<KvStore> => {
        if (cluster === 'calm') return new MemoryKvStore(calm.server, { clock });
        const from = { ...remote, cluster, endpoints: [evil.endpoint] };
        return connectEtcd(from, { session: false }, { clock, random, log }, signal);
      },
      clusters,
      config: { ...settings, contactIntervalMs: 200, limits: limits },
      ...{ clock, random, log, health: new Health(clock) },
    });
    running = mesh.run(stop.current.signal);
    return evil;
  }
  const limits = { ...defaultLimits, perRemote: { ...defaultLimits.perRemote, maxKeys: 1_000 } };
  const status = () => mesh.status().find(({ name }) => name === 'evil');
  const namesOf = (cluster: string): string[] => {
    const prefix = `cilium/cache/services/v1/${cluster}/`;
    return cache
      .list(prefix)
      .map(({ key }) => key.slice(prefix.length))
      .sort();
  };
  const cachedOf = (cluster: string): number => cache.list(`cilium/cache/services/v1/${cluster}/`).length;

  /** Changes of the other cluster arrive, and memory has not grown much. */
  async function expectCalm(): Promise<void> {
    for (let change = 0; change < 5; change++) {
      calm.put('cilium/state/services/v1/calm/demo/web', `${change}`);
      await eventually(
        () => {
          const value = cache.get('cilium/cache/services/v1/calm/demo/web')?.value;
          expect(value && Buffer.from(value).toString()).toBe(`${change}`);
        },
        { timeoutMs: 5_000 },
      );
    }
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(400 * mebibyte);
  }

  it('lists a value of 10 MB: the entry is left out and explained', async () => {
    await start({
      range: (key) => ({ kvs: key === evilPrefix ? [entry('large', 10 * mebibyte), entry('small')] : [] }),
    });
    await eventually(() => expect(status()?.state).toBe('ready'));
    expect(namesOf('evil')).toEqual(['small']);
    expect(status()).toMatchObject({ 'over-quota': { count: 1, limit: 'value', kind: 'services', example: 'large' } });
    await expectCalm();
  });

  it('changes an entry to 10 MB: it is left out and explained, and what comes after it arrives', async () => {
    await start({
      range: (key) => ({ kvs: key === evilPrefix ? [entry('small')] : [] }),
      watch: () => [putMessage([entry('large', 10 * mebibyte)], 1_001), putMessage([entry('after')], 1_002)],
    });
    await eventually(() => expect(namesOf('evil')).toEqual(['after', 'small']));
    expect(status()).toMatchObject({ 'over-quota': { count: 1, limit: 'value', kind: 'services', example: 'large' } });
    await expectCalm();
  });

  it('lists without end: the limit holds, and reading is held back', async () => {
    const evil = await start({
      range: (key, asked) => {
        if (!key.startsWith(evilPrefix)) return { kvs: [] };
        return { kvs: Array.from({ length: 256 }, (_, index) => entry(`${asked}-${index}`, 200)), more: true };
      },
    });
    await eventually(() => expect(evil.asked).toBeGreaterThan(15));
    await expectCalm();
    expect(cachedOf('evil')).toBeLessThanOrEqual(1_000);
    expect(status()).toMatchObject({ state: 'syncing', 'over-quota': { limit: 'keys' } });
  });

  it.each([
    ['changes', () => putMessage([entry('a', 1_000)], 1_001)],
    ['empty messages', progressMessage],
    [
      'keys from elsewhere',
      () => putMessage([{ key: 'cilium/state/nodes/v1/calm/n1', value: Buffer.alloc(1) }], 1_001),
    ],
  ])('sends %s without end: flow control holds it back', async (_what, message) => {
    const evil = await start({
      watch: function* () {
        for (;;) yield message();
      },
    });
    await eventually(() => expect(status()).toMatchObject({ state: 'ready' }));
    await expectCalm();
    const before = evil.sentBytes;
    await clock.sleep(1_000, stop.current.signal);
    expect(evil.sentBytes - before).toBeLessThan(40 * mebibyte);
    expect(cache.list('cilium/cache/nodes/')).toEqual([]);
  });

  it('compacts whatever is asked for: one listing follows the other, at a bounded pace', async () => {
    const evil = await start({ watch: () => [compactedMessage()] });
    await eventually(() => expect(evil.asked).toBeGreaterThan(20));
    await expectCalm();
  });

  it('sends bytes that are no message: the connection counts as lost', async () => {
    await start({ watch: () => [Buffer.alloc(64, 0xff)] });
    await eventually(() => expect(status()?.['num-failures']).toBeGreaterThan(0));
    await expectCalm();
  });

  it('answers nothing after the config: it is never ready, and nobody waits for it', async () => {
    await start({ range: () => undefined });
    await expectCalm();
    expect(status()?.ready).toBe(false);
  });
});
