import { describe, expect, it } from '@jest/globals';

import { imageEnv, imageFlags, nodeProgram } from './workspace.ts';

describe('imageFlags', () => {
  it.each(['kvstoremesh/src/main.ts', 'agent/src/main.ts', 'clustermesh-apiserver/src/main.ts'])(
    'finds the flags of the image of %s, and the lab runs it with them',
    (path) => {
      const flags = imageFlags(path);
      expect(flags).toEqual([
        expect.stringMatching(/^--max-semi-space-size=\d+$/),
        expect.stringMatching(/^--heap-growing-percent=\d+$/),
      ]);
      expect(nodeProgram(path)).toEqual(expect.arrayContaining([...flags]));
    },
  );

  it('has none for a program of the lab itself', () => {
    expect(imageFlags('packages/lab/src/gateway/main.ts')).toEqual([]);
  });
});

describe('imageEnv', () => {
  it('finds what the image of a program sets, and nothing where there is nothing', () => {
    const allocator = ['MALLOC_ARENA_MAX=1', 'MALLOC_TRIM_THRESHOLD_=131072'];
    expect(imageEnv('agent/src/main.ts')).toEqual(allocator);
    expect(imageEnv('kvstoremesh/src/main.ts')).toEqual(allocator);
    expect(imageEnv('packages/lab/src/gateway/main.ts')).toEqual([]);
  });
});
