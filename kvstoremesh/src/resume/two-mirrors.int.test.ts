import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TestEtcd } from '@clustermesh/testkit';

import { cacheKinds } from './testing/cache-server.ts';
import type { CacheServer } from './testing/cache-server.ts';
import { Stage, deletes, keysOf } from './testing/stage.ts';

jest.setTimeout(30_000);

describe.each(cacheKinds)('two mirrors into one $name', (kind) => {
  let etcd: TestEtcd;
  let cache: CacheServer;
  let stage: Stage;
  const expectWritten = (want: readonly string[]): Promise<void> => stage.expectWritten(want);
  beforeAll(async () => {
    [etcd, cache] = await Promise.all([TestEtcd.start(), kind.start()]);
  });
  afterAll(async () => {
    for (const server of [etcd, cache]) await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    stage = await Stage.open({ cache, etcd });
    await stage.ready();
  });
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
    await Promise.all([etcd, cache].map((server) => server.restart({ wipe: true })));
  });

  it('write the same, and who comes second deletes nothing', async () => {
    await stage.start();
    await stage.same();
    const taken = kind.takesKeysAlong ? [...stage.announcements, ...stage.source.entries.keys()] : [];
    const written = await stage.written();
    expect(deletes(written)).toEqual([]);
    expect(keysOf(written)).toEqual(expect.arrayContaining(taken.map((key) => `+${key}`)));
    await stage.mark();
    const changes = await stage.source.change();
    const both = changes.flatMap((change) =>
      kind.takesKeysAlong && change.startsWith('+') ? [change, change] : [change],
    );
    await expectWritten(both);
  });

  it('of which the first dies leave everything as it is, and the second goes on', async () => {
    const first = stage.process;
    await stage.start();
    await stage.same();
    await stage.end(first);
    await stage.mark();
    const changes = await stage.source.change();
    await expectWritten(changes);
  });
});
