import { describe, expect, it } from '@jest/globals';

import { toleratesTaint } from './taints.ts';

const taint = { key: 'mesh/starts', effect: 'NoSchedule' };

describe('toleratesTaint', () => {
  it.each([
    { name: 'nothing', tolerations: [], want: false },
    { name: 'everything', tolerations: [{ operator: 'Exists' }], want: true },
    { name: 'the key', tolerations: [{ key: 'mesh/starts', operator: 'Exists' }], want: true },
    { name: 'another key', tolerations: [{ key: 'mesh/other', operator: 'Exists' }], want: false },
    { name: 'the key and the empty value', tolerations: [{ key: 'mesh/starts' }], want: true },
    { name: 'another value', tolerations: [{ key: 'mesh/starts', value: 'x' }], want: false },
    {
      name: 'the effect',
      tolerations: [{ key: 'mesh/starts', operator: 'Exists', effect: 'NoSchedule' }],
      want: true,
    },
    {
      name: 'another effect',
      tolerations: [{ key: 'mesh/starts', operator: 'Exists', effect: 'NoExecute' }],
      want: false,
    },
    { name: 'an empty key without Exists', tolerations: [{ value: 'x' }], want: false },
  ])('with tolerations of $name: $want', ({ tolerations, want }) => {
    expect(toleratesTaint({ tolerations }, taint)).toBe(want);
  });

  it('compares values of a taint that has one', () => {
    const valued = { ...taint, value: 'yes' };
    expect(toleratesTaint({ tolerations: [{ key: 'mesh/starts', value: 'yes' }] }, valued)).toBe(true);
    expect(toleratesTaint({ tolerations: [{ key: 'mesh/starts', value: 'no' }] }, valued)).toBe(false);
  });

  it('lets everybody on a node that is only not preferred', () => {
    expect(toleratesTaint({}, { key: 'mesh/busy', effect: 'PreferNoSchedule' })).toBe(true);
  });
});
