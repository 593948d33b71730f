import { afterAll, describe, expect, it } from '@jest/globals';
import { probeKernel } from '@clustermesh/ebpf';

import { KernelDatapath } from './testing/kernel-datapath.ts';
import { readVectors, runVector, settingsOf, wantedOutcomes } from './testing/vector.ts';
import type { Vector } from './testing/vector.ts';

const { world, topics } = readVectors();
const { usable, missing } = probeKernel();
const describeKernel = usable ? describe : describe.skip;
const suffix = usable ? '' : ` (needs ${missing.join(', ')})`;

/** Settings are of loaded programs: vectors with the same ones share them. */
const datapaths = new Map<string, KernelDatapath>();

function datapathFor(vector: Vector): KernelDatapath {
  const settings = settingsOf(world, vector);
  const key = JSON.stringify(settings);
  const datapath = datapaths.get(key) ?? new KernelDatapath(settings);
  datapaths.set(key, datapath);
  datapath.clear();
  return datapath;
}

afterAll(() => {
  for (const datapath of datapaths.values()) datapath[Symbol.dispose]();
});

describeKernel.each(topics)(`the kernel: $topic${suffix}`, ({ vectors }) => {
  it.each(vectors)('$name', (vector) => {
    expect(runVector(datapathFor(vector), world, vector)).toEqual(wantedOutcomes(vector));
  });
});
