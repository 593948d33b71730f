import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { ChangeSignal } from '../../change-signal.ts';
import { EndpointLoop } from './endpoint-loop.ts';
import type { EndpointReconciler } from './endpoint-reconciler.ts';

/** A loop whose reconciler only counts. */
class World {
  readonly clock = new FakeClock();
  readonly changes = new ChangeSignal();
  readonly stop = new AbortController();
  /** When it reconciled. */
  readonly rounds: number[] = [];
  isPending = false;
  /** As the kernel tells that something changed. */
  event: () => void = () => undefined;
  readonly running: Promise<void>;

  constructor() {
    const { clock, changes, rounds } = this;
    const isPending = (): boolean => this.isPending;
    const reconciler = {
      reconcile: async () => void rounds.push(clock.monotonicMs()),
      get pending() {
        return isPending() ? [{ namespace: 'demo', name: 'web', reason: 'no interface', needsPolling: true }] : [];
      },
    } as unknown as EndpointReconciler;
    const devices = { problems: [], watch: async (onChange: () => void) => void (this.event = onChange) };
    const deps = { clock, random: seededRandom(1), health: new Health(clock), log: silentLogger };
    const loop = new EndpointLoop({ ...deps, reconciler, changes, devices, arePodsKnown: () => true });
    this.running = loop.run(this.stop.signal);
  }
}

describe('EndpointLoop', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  afterEach(async () => {
    world.stop.abort();
    await world.running;
  });

  it('looks at once, when something changed, and now and then', async () => {
    await world.clock.advance(10_000);
    world.changes.raise();
    await world.clock.advance(35_000);
    expect(world.rounds).toEqual([0, 10_000, 40_000]);
  });

  it('looks at a swarm of events together', async () => {
    await world.clock.advance(10_000);
    for (let event = 0; event < 1_000; event++) world.event();
    await world.clock.advance(1_000);
    expect(world.rounds).toEqual([0, 10_100]);
    await world.clock.advance(1_000);
    world.event();
    await world.clock.advance(1_000);
    expect(world.rounds).toEqual([0, 10_100, 12_100]);
  });

  it('looks once a second while events do not end', async () => {
    for (let tenths = 0; tenths < 50; tenths++) {
      world.event();
      await world.clock.advance(100);
    }
    await world.clock.advance(10_000);
    expect(world.rounds).toEqual([0, 100, 1_100, 2_100, 3_100, 4_100, 5_100]);
  });

  it('looks for a missing interface soon, then less and less often, and soon again after a change', async () => {
    world.isPending = true;
    world.changes.raise();
    await world.clock.advance(1_000);
    expect(world.rounds).toEqual([0, 0, 100, 300, 700]);
    await world.clock.advance(120_000);
    expect(world.rounds.length).toBeLessThan(20);
    world.rounds.length = 0;
    world.changes.raise();
    await world.clock.advance(300);
    expect(world.rounds).toEqual([121_000, 121_100, 121_300]);
  });
});
