import { describe, expect, it } from '@jest/globals';

import type { CommitResult, KvOp, KvWriter } from '@clustermesh/kvstore';
import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

import { LocalWrites } from './local-writes.ts';

const { signal } = new AbortController();
const put: KvOp = { kind: 'put', key: 'a', value: new Uint8Array() };
const remove: KvOp = { kind: 'delete', key: 'a' };
const written = Promise.resolve<CommitResult>({ revision: 1n, refused: [] });
const failed = (code: ErrorCode): Promise<CommitResult> => Promise.reject(new MeshError(code, 'write a'));

describe('LocalWrites', () => {
  async function after(...steps: readonly (readonly [KvOp, () => Promise<CommitResult>])[]): Promise<LocalWrites> {
    const writes = new LocalWrites();
    for (const [op, outcome] of steps)
      await writes
        .noting(outcome)([op], signal)
        .catch(() => undefined);
    return writes;
  }
  const full = [put, () => failed('KV_NO_SPACE')] as const;
  const away = [remove, () => failed('KV_UNAVAILABLE')] as const;

  it.each([
    { name: 'nothing was written', steps: [], problem: undefined },
    { name: 'a put was refused for want of space', steps: [full], problem: 'KV_NO_SPACE' },
    { name: 'a full store took a deletion', steps: [full, [remove, () => written]], problem: 'KV_NO_SPACE' },
    { name: 'a full store was away for a moment', steps: [full, away], problem: 'KV_NO_SPACE' },
    { name: 'a full store took a put', steps: [full, [put, () => written]], problem: undefined },
    { name: 'a store that was away took a deletion', steps: [away, [remove, () => written]], problem: undefined },
  ] as const)('knows what is the matter when $name', async ({ steps, problem }) => {
    expect((await after(...steps)).problem?.code).toBe(problem);
  });

  it('takes nothing for a proof that was begun before the newest failure', async () => {
    const writes = new LocalWrites();
    const slow = Promise.withResolvers<CommitResult>();
    const commit: KvWriter['commit'] = () => slow.promise;
    const early = writes.noting(commit)([put], signal);
    await expect(writes.noting(() => failed('KV_NO_SPACE'))([put], signal)).rejects.toThrow();
    slow.resolve({ revision: 1n, refused: [] });
    await early;
    expect(writes.isFull).toBe(true);
  });
});
