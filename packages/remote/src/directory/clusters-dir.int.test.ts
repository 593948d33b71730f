import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FakeClock, Health, silentLogger as log, systemClock } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { eventually, tempDir } from '@clustermesh/testkit';
import type { TempDir } from '@clustermesh/testkit';

import { ClustersDir } from './clusters-dir.ts';
import type { RemoteFile } from './remote-file.ts';

jest.setTimeout(30_000);

const text = (host: string): string => `endpoints: ["https://${host}:2379"]\ntrusted-ca-file: ca.crt\n`;

describe('ClustersDir', () => {
  let dir: TempDir;
  let folder: string;
  let seen: (readonly RemoteFile[])[];
  let stop: AbortController;
  let running: Promise<void>;
  const health = new Health(systemClock);

  beforeEach(async () => {
    dir = await tempDir('clusters');
    folder = join(dir.path, 'mesh');
    await mkdir(folder);
    seen = [];
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await dir[Symbol.asyncDispose]();
  });
  const write = (name: string, content: string): Promise<void> => writeFile(join(folder, name), content);
  function start(clock: Clock = systemClock): void {
    const clusters = new ClustersDir(folder, { clock, log, health: health.scope('clusters') });
    running = (async (): Promise<void> => {
      for await (const files of clusters.watch(stop.signal)) seen.push(files);
    })();
  }
  const names = (): string[] | undefined =>
    seen.at(-1)?.map(({ name, config }) => `${name} ${config.ok ? 'ok' : 'refused'}`);
  const expectNames = (...want: string[]): Promise<void> => eventually(() => expect(names()).toEqual(want));

  it('takes files that name endpoints, and passes certificates, folders and hidden files over', async () => {
    await write('east', text('east'));
    await write('west', 'endpoints: []');
    await write('common-etcd-client.crt', '-----BEGIN CERTIFICATE-----');
    await write('.hidden', text('hidden'));
    await mkdir(join(folder, 'folder'));
    start();
    await expectNames('east ok', 'west refused');
  });

  it('shows files whose names no cluster can have', async () => {
    await write('East_1', text('east'));
    start();
    await expectNames('East_1 refused');
    expect(seen.at(-1)?.[0]?.config).toMatchObject({ reason: expect.stringContaining('no cluster name') });
  });

  it('tells of files that come, change and go, and of nothing else', async () => {
    start();
    await expectNames();
    await write('east', text('east'));
    await expectNames('east ok');
    const first = seen.at(-1)?.[0]?.hash;
    await write('east', text('elsewhere'));
    await eventually(() => expect(seen.at(-1)?.[0]?.hash).not.toBe(first));
    const count = seen.length;
    await write('east', text('elsewhere'));
    await rm(join(folder, 'east'));
    await expectNames();
    expect(seen).toHaveLength(count + 1);
  });

  it('tells of another certificate under the same name', async () => {
    await write('east', text('east'));
    start();
    await expectNames('east ok');
    const hashes = (): Set<string | undefined> => new Set(seen.map(([file]) => file?.certificates));
    await write('ca.crt', 'one');
    await eventually(() => expect(hashes().size).toBe(2));
    await write('ca.crt', 'two');
    await eventually(() => expect(hashes().size).toBe(3));
  });

  it('follows the symbolic links of a Secret volume when they are swapped', async () => {
    const version = async (number: number, ...clusters: string[]): Promise<void> => {
      await mkdir(join(folder, `..${number}`));
      for (const cluster of clusters) await write(`..${number}/${cluster}`, text(`${cluster}${number}`));
      await symlink(`..${number}`, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await version(1, 'east', 'west');
    for (const cluster of ['east', 'west']) await symlink(`..data/${cluster}`, join(folder, cluster));
    start();
    await expectNames('east ok', 'west ok');
    const [east, west] = seen.at(-1)?.map(({ hash }) => hash) ?? [];
    await version(2, 'east', 'west');
    await eventually(() => expect(seen.at(-1)?.map(({ hash }) => hash)).not.toContain(west));
    expect(seen.at(-1)?.map(({ hash }) => hash)).not.toContain(east);
    await rm(join(folder, 'west'));
    await expectNames('east ok');
  });

  it('keeps what it knew when the folder vanishes, and says so', async () => {
    const clock = new FakeClock();
    await write('east', text('east'));
    start(clock);
    await expectNames('east ok');
    await rename(folder, `${folder}.away`);
    await eventually(async () => {
      await clock.advance(10_000);
      expect(health.report()).toMatchObject([{ state: 'degraded', reason: expect.stringContaining('cannot be read') }]);
    });
    expect(seen).toHaveLength(1);
    await rename(`${folder}.away`, folder);
    await write('west', text('west'));
    await eventually(async () => {
      await clock.advance(10_000);
      expect(names()).toEqual(['east ok', 'west ok']);
    });
  });

  it('finds a change that nobody told of by looking again', async () => {
    const clock = new FakeClock();
    await symlink(join(dir.path, 'elsewhere'), join(folder, 'east'));
    start(clock);
    await expectNames();
    await writeFile(join(dir.path, 'elsewhere'), text('east'));
    await eventually(async () => {
      await clock.advance(10_000);
      expect(names()).toEqual(['east ok']);
    });
  });
});
