import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { tempDir } from '@clustermesh/testkit';

import { socketNamespaces } from './socket-namespaces.ts';

it('finds each network namespace of a cgroup and those below it once', async () => {
  await using dir = await tempDir();
  const cgroups = join(dir.path, 'cgroup');
  const proc = join(dir.path, 'proc');
  mkdirSync(join(cgroups, 'pods', 'a'), { recursive: true });
  writeFileSync(join(cgroups, 'cgroup.procs'), '10\n');
  writeFileSync(join(cgroups, 'pods', 'cgroup.procs'), '');
  writeFileSync(join(cgroups, 'pods', 'a', 'cgroup.procs'), '20\n21\n0\n99\n');
  for (const [pid, namespace] of [
    ['10', 'net:[1]'],
    ['20', 'net:[2]'],
    ['21', 'net:[2]'],
  ] as const) {
    mkdirSync(join(proc, pid, 'ns'), { recursive: true });
    symlinkSync(namespace, join(proc, pid, 'ns', 'net'));
  }
  // 99 has ended, 0 is another PID namespace's.
  const found = await socketNamespaces(cgroups, proc);
  expect(found).toEqual({ paths: ['10', '21'].map((pid) => join(proc, pid, 'ns', 'net')), hiddenProcesses: 1 });
});
