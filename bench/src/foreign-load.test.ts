import { describe, expect, it } from '@jest/globals';

import { idleMs, processMs } from './foreign-load.ts';

describe('the times in /proc', () => {
  it('are idle ones of all processors, waiting for disks included', () => {
    expect(idleMs('cpu  100 2 30 4000 50 6 7 8 0 0\ncpu0 50 1 15 2000 25 3 3 4 0 0\n')).toBe(40_500);
  });

  it.each([
    { name: 'in user and kernel mode', stat: '7 (etcd) S 1 7 7 0 -1 4 5 0 0 0 120 34 0 0 20 0 9', want: 1_540 },
    { name: 'whatever its name', stat: '7 (a) b (c)) S 1 7 7 0 -1 4 5 0 0 0 120 34 0 0 20 0 9', want: 1_540 },
    { name: 'none once it is gone', stat: '', want: 0 },
  ])('are those of a process, $name', ({ stat, want }) => expect(processMs(stat)).toBe(want));
});
