import { resolve } from 'node:path';

/** Root of the source tree: the lab runs the components from it. */
export const workspaceDir = resolve(import.meta.dirname, '../../..');

/**
 * For every Node program of the lab: they are started many at a time, and most of a start is compiling (and, for
 * TypeScript, stripping types). The cache outlives the lab, so that the second start is quick.
 */
export const nodeEnv: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: resolve(workspaceDir, 'node_modules/.cache/clustermesh-compile'),
};

/** How to run a TypeScript program of the workspace. */
export function nodeProgram(path: string): readonly string[] {
  const options = ['--conditions=mesh-source', '--disable-warning=ExperimentalWarning'];
  return [process.execPath, ...options, resolve(workspaceDir, path)];
}
