import { describe, expect, it } from '@jest/globals';
import { findCgroup2, missingRights, probeKernel } from './probe.ts';

describe('rights', () => {
  it.each([
    { who: 'root', status: 'Name:\tx\nCapEff:\t000001ffffffffff\n', want: [] },
    { who: 'nobody', status: 'CapEff:\t0000000000000000\n', want: ['root rights (CAP_NET_ADMIN, CAP_SYS_ADMIN)'] },
    { who: 'a network admin', status: 'CapEff:\t0000000000001000\n', want: ['root rights (CAP_SYS_ADMIN)'] },
    { who: 'an unreadable status', status: '', want: ['root rights (CAP_NET_ADMIN, CAP_SYS_ADMIN)'] },
  ])('$who lacks $want', ({ status, want }) => {
    expect(missingRights(status)).toEqual(want);
  });
});

describe('cgroup v2', () => {
  it.each([
    {
      host: 'a unified',
      line: '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw',
      want: '/sys/fs/cgroup',
    },
    {
      host: 'a hybrid',
      line: '31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      want: '/sys/fs/cgroup/unified',
    },
    { host: 'a v1', line: '32 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu', want: undefined },
  ])('of $host host is at $want', ({ line, want }) => {
    expect(findCgroup2(`1 0 8:1 / / rw - ext4 /dev/sda rw\n${line}\n`)).toBe(want);
  });
});

it('is usable exactly when nothing is missing', () => {
  const probe = probeKernel();
  expect(probe.usable).toBe(probe.missing.length === 0);
});
