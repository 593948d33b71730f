import { expect, it } from '@jest/globals';

import { findCgroup2 } from './host.ts';

it.each([
  {
    name: 'unified',
    mountinfo: '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate',
    want: '/sys/fs/cgroup',
  },
  {
    name: 'hybrid',
    mountinfo: [
      '31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      '42 30 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n'),
    want: '/sys/fs/cgroup/unified',
  },
  { name: 'absent', mountinfo: '31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu', want: undefined },
])('finds cgroup2 where it is $name', ({ mountinfo, want }) => {
  expect(findCgroup2(mountinfo)).toBe(want);
});
