import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** A directory that is gone, with all in it, at the end of `await using`. */
export async function tempDir(name = 'test'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `clustermesh-${name}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
