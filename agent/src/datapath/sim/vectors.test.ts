import { describe, expect, it } from '@jest/globals';

import { reasonNames } from '../../maps/counters.ts';
import type { ReasonName } from '../../maps/counters.ts';
import { SimDatapath } from './testing/sim-datapath.ts';
import { readVectors, runVector, settingsOf, wantedOutcomes } from './testing/vector.ts';

const { world, topics } = readVectors();

describe.each(topics)('the simulation: $topic', ({ vectors }) => {
  it.each(vectors)('$name', (vector) => {
    const datapath = new SimDatapath(settingsOf(world, vector));
    expect(runVector(datapath, world, vector)).toEqual(wantedOutcomes(vector));
  });
});

describe('vectors', () => {
  const all = topics.flatMap(({ vectors }) => vectors);

  it('have names of their own', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it('reach every reason that a packet can meet', () => {
    const changes = all.flatMap((vector) => wantedOutcomes(vector).flatMap((outcome) => outcome.changes));
    const met = changes.flatMap((change) => /^counted \w+ (.*?)(?: with \d+ bytes)?$/.exec(change)?.[1] ?? []);
    const reasons = Object.values(reasonNames).filter((reason) => !ofSockets.includes(reason));
    expect([...new Set(met)].sort()).toEqual(reasons.filter((reason) => !ofTheSystem.includes(reason)).sort());
  });
});

/** Of sockets: vectors choose backends, they do not connect. */
const ofSockets: readonly ReasonName[] = ['no backend', 'stale service', 'backend gone'];
/** The kernel refuses; no packet makes it. */
const ofTheSystem: readonly ReasonName[] = ['encap failed', 'rewrite failed'];
