import { expect, it, jest } from '@jest/globals';
import fc from 'fast-check';

import { PolicyHistory } from './testing/policy-history.ts';
import { histories } from './testing/random-policies.ts';
import { SimDatapath } from './testing/sim-datapath.ts';

// Tens of thousands of questions, on a busy machine.
jest.setTimeout(120_000);

const settings = { scope: 'all', eventRate: 0, tunnelMtu: 0, tunnelMtu6: 0 } as const;

it('rules one by one, the resolver and the simulation agree on every flow, between any two writes too', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const datapath = new SimDatapath(settings);
      expect(new PolicyHistory([{ name: 'simulation', datapath }], 'maps').run(history)).toEqual([]);
    }),
    { numRuns: 12, seed: 4 },
  );
});
