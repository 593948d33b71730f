import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ClustersDir } from '@clustermesh/remote';
import { Health, silentLogger as log, systemClock } from '@clustermesh/runtime';
import { TestEtcd, eventually, tempDir } from '@clustermesh/testkit';

import { cacheKinds } from './testing/cache-server.ts';
import type { CacheServer } from './testing/cache-server.ts';
import { SourceCluster } from './testing/source-cluster.ts';
import { Stage, keysOf } from './testing/stage.ts';

jest.setTimeout(30_000);

const ip = 'cilium/cache/ip/v1/east/';
const services = 'cilium/cache/services/v1/east/';

/** What a source, or the way to it, does to a mirror. Each case says all that the cache is told (protocol.md §13). */
describe.each(cacheKinds)('a source that fails, and a cache in $name', (kind) => {
  let etcd: TestEtcd;
  let replica: TestEtcd;
  let cache: CacheServer;
  let stage: Stage;
  const expectWritten = (want: readonly string[]): Promise<void> => stage.expectWritten(want);
  beforeAll(async () => {
    [etcd, replica, cache] = await Promise.all([TestEtcd.start(), TestEtcd.start(), kind.start()]);
  });
  afterAll(async () => {
    for (const server of [etcd, replica, cache]) await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stage = await Stage.open({ cache, etcd });
    await stage.ready();
  });
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
    await Promise.all([etcd, replica, cache].map((server) => server.restart({ wipe: true })));
  });

  it('costs nothing where a connection breaks and nothing has changed', async () => {
    await stage.cutOff();
    stage.sourceProxy.resume();
    await expectWritten([]);
  });

  it('has what changed while the connection was broken written, and nothing else', async () => {
    await stage.cutOff();
    const changes = await stage.source.change();
    stage.sourceProxy.resume();
    await expectWritten(changes);
  });

  it('loses nothing of what is written while connections break again and again', async () => {
    const want: string[] = [];
    for (let round = 0; round < 5; round++) {
      stage.sourceProxy.cutAfter(8_000);
      for (let at = 0; at < 100; at++) {
        await stage.source.write(stage.source.put('ip', `10.1.${round}.${at}`, 'x'.repeat(100)));
        want.push(`+${ip}10.1.${round}.${at}=${'x'.repeat(100)}`);
      }
      stage.sourceProxy.cut();
    }
    await expectWritten(want);
  });

  it.each([
    { what: 'while it is read', cut: false },
    { what: 'while it is not', cut: true },
  ])('may use an address again, and its late deletion in between, $what: the last word stands', async ({ cut }) => {
    const { source } = stage;
    if (cut) await stage.cutOff();
    await source.write(source.put('ip', '10.0.0.5', 'of the next'));
    await source.write(source.delete('ip', '10.0.0.5'));
    await source.write(source.put('ip', '10.0.0.5', 'of the next'));
    stage.sourceProxy.resume();
    await stage.same();
    await stage.seen();
    const written = await stage.written();
    expect(written.at(-1)).toBe(`+${ip}10.0.0.5=of the next`);
    expect(keysOf(written).every((change) => change.endsWith(`${ip}10.0.0.5`))).toBe(true);
    expect(written.length).toBeLessThanOrEqual(3);
  });

  it('is listed again, but only the difference is written, when it was compacted meanwhile', async () => {
    await stage.cutOff();
    const changes = await stage.source.change();
    await etcd.compact();
    stage.sourceProxy.resume();
    await expectWritten(changes);
  });

  it('may be another etcd behind the same address, with another id and a lower revision', async () => {
    for (let beats = 0; beats < 20; beats++) await stage.source.beat();
    const twin = await SourceCluster.open('east', replica);
    await twin.fillAs(stage.source);
    const changes = await twin.change();
    await twin.announce();
    await twin.canaries();
    await twin.beat();
    await stage.retarget(twin, replica.port);
    await expectWritten(changes);
  });

  it('that was wiped under the same token is waited for, until it has published everything again', async () => {
    await stage.cutOff();
    await etcd.restart({ wipe: true });
    stage.sourceProxy.resume();
    await stage.source.beat();
    await stage.source.announce();
    await eventually(() => expect(stage.process.status('east')).toMatchObject({ state: 'syncing' }));
    const changes = await stage.source.change();
    await stage.source.fillAs();
    await systemClock.sleep(100);
    expect(await stage.written()).toEqual([]);
    await stage.source.canaries();
    await expectWritten(changes);
  });

  it('is followed back where it comes up with older data, below our revision', async () => {
    const before = new Map(stage.source.entries);
    await etcd.keep();
    await stage.source.change();
    await stage.same();
    await stage.seen();
    await stage.mark();
    stage.reader.deleted.length = 0;
    await etcd.restart({ kept: true });
    stage.source.is(before);
    await expectWritten([`+${ip}10.0.0.2=of 1`, `+${services}default/s1=first`, `-${ip}10.0.1.0`]);
  });

  it('is kept as it is while its heart stops for three intervals, and read on', async () => {
    await stage.end();
    await stage.start({ heartbeatIntervalMs: 3_000 });
    await stage.source.beat();
    await stage.same();
    await stage.mark();
    await eventually(() => expect(stage.process.status('east')).toMatchObject({ state: 'waiting', ready: false }));
    await systemClock.sleep(300);
    const changes = await stage.source.change();
    await eventually(async () => expect(await stage.content()).toEqual(new Map(stage.source.entries)));
    expect(stage.process.status('east')).toMatchObject({ ready: false });
    await stage.source.beat();
    await expectWritten(changes);
  });

  it('is not connected to anew when its file is written again with the same bytes, and resumed with others', async () => {
    await using dir = await tempDir('clusters');
    const text = `endpoints: ["http://127.0.0.1:${stage.sourceProxy.port}"]\ninsecure-transport: true\n`;
    const write = async (bytes: string): Promise<void> => {
      await writeFile(join(dir.path, '.next'), bytes);
      await rename(join(dir.path, '.next'), join(dir.path, 'east'));
    };
    await write(text);
    await stage.end();
    const { clock } = stage;
    await stage.start({
      clusters: new ClustersDir(dir.path, { clock, log, health: new Health(clock).scope('clusters') }),
    });
    await stage.same();
    await stage.mark();
    const { accepted } = stage.sourceProxy;
    await write(text);
    await systemClock.sleep(200);
    expect(stage.sourceProxy.accepted).toBe(accepted);
    await write(`${text}# another content\n`);
    await eventually(() => expect(stage.sourceProxy.accepted).toBe(accepted + 1));
    await expectWritten([]);
  });

  it('that takes another name is kept under the old one, and moves when its file does', async () => {
    await stage.end();
    await stage.start({ drainGraceMs: 500 });
    await stage.same();
    await stage.mark();
    const before = [...stage.announcements, ...stage.source.entries.keys()];
    await etcd.restart({ wipe: true });
    const west = await SourceCluster.open('west', etcd);
    await west.publish();
    await eventually(() => expect(stage.process.status('east')).toMatchObject({ state: 'configuring' }));
    await systemClock.sleep(200);
    expect(await stage.written()).toEqual([]);

    stage.source = west;
    stage.process.follow('west');
    await stage.same();
    const after = [...stage.announcements, ...west.entries.keys()];
    const want = [...before.map((key) => `-${key}`), ...after.map((key) => `+${key}`)];
    expect(keysOf(await stage.written())).toEqual(want.sort());
  });
});
