import { describe, expect, it, jest } from '@jest/globals';

import { loadConfig } from '../../testing/load-config.ts';
import LabExec from './exec.ts';

describe('lab exec', () => {
  it.each([
    { name: 'nothing', argv: [] },
    { name: 'no pod', argv: ['east'] },
    { name: 'no command', argv: ['east', 'demo/client', '--'] },
  ])('refuses $name as wrong usage, and says where to read on', async ({ argv }) => {
    LabExec.id = 'lab:exec'; // as the table of commands gives it
    const config = await loadConfig();
    const write = jest.spyOn(console, 'error').mockReturnValue();
    try {
      await LabExec.run(argv, config);
      expect(process.exitCode).toBe(2);
      expect(write.mock.calls.map(String)).toEqual([
        "error: name a cluster, a pod and a command\nSee 'clustermesh lab exec --help' for usage.",
      ]);
    } finally {
      write.mockRestore();
      process.exitCode = undefined;
    }
  });
});
