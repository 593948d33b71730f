import { tmpdir } from 'node:os';
import { expect, it } from '@jest/globals';
import { createLogger } from '@clustermesh/runtime';

import { noSockets } from '../services/sockets.ts';
import { KernelSockets } from './kernel-sockets.ts';

it('says once that it cannot end connections, and does without', async () => {
  const log = createLogger('test', 'silent');
  const warnings: unknown[] = [];
  log.warn = (...said: readonly unknown[]) => void warnings.push(said);
  const sockets = await KernelSockets.open({ pinDir: tmpdir(), cgroupRoot: tmpdir(), log });
  await sockets.endOrphans(new AbortController().signal);
  await sockets.endOrphans(new AbortController().signal);
  expect(sockets).toBe(noSockets);
  expect(warnings).toEqual([
    [expect.objectContaining({ needs: 'kernel 6.5 with BTF' }), expect.stringContaining('left to their time-outs')],
  ]);
});
