import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { probeKernel } from '@clustermesh/ebpf';
import fc from 'fast-check';

import { KernelDatapath } from './testing/kernel-datapath.ts';
import { PolicyHistory } from './testing/policy-history.ts';
import { histories } from './testing/random-policies.ts';
import { SimDatapath } from './testing/sim-datapath.ts';

// Tens of thousands of test runs, on a busy machine.
jest.setTimeout(120_000);

const settings = { scope: 'all', eventRate: 0, tunnelMtu: 0, tunnelMtu6: 0 } as const;
const { usable, missing } = probeKernel();
const describeKernel = usable ? describe : describe.skip;

describeKernel(`policy on the kernel${usable ? '' : ` (needs ${missing.join(', ')})`}`, () => {
  let kernel: KernelDatapath;

  beforeAll(() => {
    kernel = new KernelDatapath(settings);
  });

  afterAll(() => kernel[Symbol.dispose]());

  it.each([
    {
      name: 'rules one by one, the resolver, the simulation and the kernel agree on every flow',
      ask: 'maps',
      numRuns: 8,
    },
    {
      name: 'no flow is let through or refused between two writes that is not before and after',
      ask: 'packets',
      numRuns: 3,
    },
  ] as const)('$name', ({ ask, numRuns }) => {
    fc.assert(
      fc.property(histories, (history) => {
        kernel.clear();
        const datapaths = [
          { name: 'kernel', datapath: kernel },
          { name: 'simulation', datapath: new SimDatapath(settings) },
        ] as const;
        expect(new PolicyHistory(datapaths, ask).run(history)).toEqual([]);
      }),
      { numRuns, seed: 5 },
    );
  });
});
