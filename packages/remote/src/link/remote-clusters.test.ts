import { describe, expect, it } from '@jest/globals';
import { FakeClock, Health, aborted, refuse, seededRandom, silentLogger } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import type { RemoteFile } from '../directory/remote-file.ts';
import { RemoteClusters } from './remote-clusters.ts';
import type { NamedCluster } from './remote-clusters.ts';

const file: RemoteFile = { name: 'west', hash: '1', certificates: '', config: refuse('') };

describe('RemoteClusters', () => {
  it('takes a cluster for removed no more once its file is back, also when its life has to begin anew (I4)', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const begun: string[] = [];
    const cluster = (name: ClusterName, what: string): NamedCluster => ({
      name,
      update: () => undefined,
      run: async (signal) => {
        begun.push(what);
        if (begun.length === 1) throw new Error('broken');
        await aborted(signal);
      },
    });
    const remotes = new RemoteClusters<NamedCluster>({
      ...{ localName: 'east', clock, random: seededRandom(1), log: silentLogger, health: new Health(clock) },
      create: (name) => cluster(name, 'named'),
    });
    const west = clusterName('west');
    if (!west.ok) throw new Error(west.reason);
    await remotes.apply([], stop.signal);
    remotes.finish([west.value], (name) => cluster(name, 'removed'), stop.signal);
    await remotes.apply([file], stop.signal);
    await clock.advance(60_000);
    expect(begun).toEqual(['removed', 'named']);
    stop.abort();
    await remotes.ended();
  });

  it('begins hundreds of clusters over several turns, so that other work goes on between them (I1)', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const begun: string[] = [];
    const remotes = new RemoteClusters<NamedCluster>({
      ...{ localName: 'east', clock, random: seededRandom(1), log: silentLogger, health: new Health(clock) },
      create: (name) => ({
        name,
        update: () => undefined,
        run: async (signal) => {
          begun.push(name);
          await aborted(signal);
        },
      }),
    });
    const files = Array.from({ length: 100 }, (_, index) => ({ ...file, name: `c${index}` }));
    const applied = remotes.apply(files, stop.signal);
    expect(begun.length).toBeLessThan(50);
    await applied;
    expect(begun).toEqual(files.map(({ name }) => name));
    stop.abort();
    await remotes.ended();
  });
});
