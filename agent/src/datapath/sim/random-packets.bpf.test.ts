import { describe, expect, it, jest } from '@jest/globals';
import { probeKernel } from '@clustermesh/ebpf';
import fc from 'fast-check';

import { KernelDatapath } from './testing/kernel-datapath.ts';
import { packetSteps, policyRows } from './testing/random-packets.ts';
import { SimDatapath } from './testing/sim-datapath.ts';
import { readVectors, runVector } from './testing/vector.ts';

// A thousand test runs, on a busy machine.
jest.setTimeout(120_000);

const { world } = readVectors();
const { usable, missing } = probeKernel();
const describeKernel = usable ? describe : describe.skip;

describeKernel(`random packets${usable ? '' : ` (needs ${missing.join(', ')})`}`, () => {
  it.each(['mesh', 'all'] as const)('the simulation and the kernel see alike at scope %s', (scope) => {
    const settings = { scope, eventRate: 100_000, tunnelMtu: 0, tunnelMtu6: 0 };
    using kernel = new KernelDatapath(settings);
    fc.assert(
      fc.property(packetSteps, policyRows, (steps, policy) => {
        kernel.clear();
        const vector = { name: 'random', write: { policy }, steps };
        const simulated = runVector(new SimDatapath(settings), world, vector);
        expect(runVector(kernel, world, vector)).toEqual(simulated);
      }),
      { numRuns: 40, seed: 6 },
    );
  });
});
