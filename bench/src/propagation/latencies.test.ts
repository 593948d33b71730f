import { describe, expect, it } from '@jest/globals';

import { addressCount, changeAt, firstIdentity } from './changes.ts';
import type { Sighting } from './changes.ts';
import { byAddress, byAddressAndIdentity, latencies } from './latencies.ts';

const at = (address: string, identity: number, atMs: number): Sighting => ({ address, identity, atMs });

describe('changeAt', () => {
  it('gives an address that comes round its next identity', () => {
    expect(changeAt(7)).toEqual({ address: '10.200.0.7', identity: firstIdentity });
    expect(changeAt(addressCount + 300)).toEqual({ address: '10.200.1.44', identity: firstIdentity + 1 });
  });

  it('never repeats itself in a million changes', () => {
    const names = new Set<string>();
    for (let sequence = 0; sequence < 1_000_000; sequence++) names.add(byAddressAndIdentity(changeAt(sequence)));
    expect(names.size).toBe(1_000_000);
  });
});

describe('latencies', () => {
  const sent = [at('a', 1, 10), at('b', 1, 15), at('a', 2, 20)];

  it.each([
    {
      name: 'last from sending to sighting, in whatever order they are seen',
      seen: [at('b', 1, 18), at('a', 2, 21), at('a', 1, 14)],
      nameOf: byAddressAndIdentity,
      want: { ms: [4, 3, 1], lost: 0 },
    },
    {
      name: 'count what was never seen as lost',
      seen: [at('a', 1, 14)],
      nameOf: byAddressAndIdentity,
      want: { ms: [4], lost: 2 },
    },
    {
      name: 'end at the first of several sightings',
      seen: [at('a', 1, 12), at('a', 1, 99), at('b', 1, 16), at('a', 2, 22)],
      nameOf: byAddressAndIdentity,
      want: { ms: [2, 1, 2], lost: 0 },
    },
    {
      name: 'pass over what nobody sent',
      seen: [at('c', 1, 12)],
      nameOf: byAddressAndIdentity,
      want: { ms: [], lost: 3 },
    },
  ])('$name', ({ seen, nameOf, want }) => expect(latencies(sent, seen, nameOf)).toEqual(want));

  it('go by the address where the sender does not know the identity', () => {
    expect(latencies([at('a', 0, 1)], [at('a', 65_540, 5)], byAddress)).toEqual({ ms: [4], lost: 0 });
  });
});
