import { describe, expect, it } from '@jest/globals';
import { FakeClock, Health, MeshError, createLogger, seededRandom } from '@clustermesh/runtime';

import { ChangeSignal } from '../../change-signal.ts';
import { SocketLoop } from './socket-loop.ts';

function start(endOrphans: (clock: FakeClock) => Promise<void>) {
  const clock = new FakeClock();
  const changes = new ChangeSignal();
  const health = new Health(clock);
  const searches: number[] = [];
  const sockets = {
    endOrphans: async () => {
      searches.push(clock.monotonicMs());
      await endOrphans(clock);
    },
  };
  const loop = new SocketLoop({
    sockets,
    changes,
    clock,
    health,
    random: seededRandom(1),
    log: createLogger('test', 'silent'),
  });
  const stop = new AbortController();
  const ended = loop.run(stop.signal);
  return { clock, changes, health, searches, stop: () => (stop.abort(), ended) };
}

describe('SocketLoop', () => {
  it('searches at the start, and then only after backends have gone', async () => {
    const { clock, changes, searches, stop } = start(async () => undefined);
    await clock.advance(60_000);
    expect(searches).toEqual([0]);
    changes.raise();
    await clock.advance(60_000);
    expect(searches).toEqual([0, 60_000]);
    await stop();
  });

  it('makes one search of many changes, no more than one a second', async () => {
    const { clock, changes, searches, stop } = start(async () => undefined);
    for (let change = 0; change < 30; change++) {
      changes.raise();
      await clock.advance(100);
    }
    expect(searches).toEqual([0, 1_000, 2_000, 3_000]);
    await stop();
  });

  it('spends a small part of the time on searching where that takes long', async () => {
    const { clock, changes, searches, stop } = start((time) => time.sleep(500));
    for (let change = 0; change < 25; change++) {
      changes.raise();
      await clock.advance(1_000);
    }
    expect(searches).toEqual([0, 10_500, 21_000]);
    await stop();
  });

  it('tries again after a failure', async () => {
    let failures = 2;
    const { clock, searches, health, stop } = start(() =>
      failures-- > 0 ? Promise.reject(new MeshError('BPF_FAILED', 'run iterator')) : Promise.resolve(),
    );
    await clock.advance(60_000);
    expect(searches).toHaveLength(3);
    expect(health.report().find(({ name }) => name === 'sockets')?.state).toBe('ok');
    await stop();
  });
});
