import { readFileSync } from 'node:fs';
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

/** How to run a TypeScript program of the workspace; a component with the flags for V8 that its image has. */
export function nodeProgram(path: string): readonly string[] {
  const options = ['--conditions=mesh-source', '--disable-warning=ExperimentalWarning'];
  return [process.execPath, ...options, ...imageFlags(path), resolve(workspaceDir, path)];
}

/** V8's flags of the image whose program is built from `path`, as deploy/Dockerfile has them; none for other programs. */
export function imageFlags(path: string): readonly string[] {
  const built = builtFrom(path);
  const line = imageOf(built).find((text) => text.startsWith('ENTRYPOINT ["node"'));
  if (line === undefined) return [];
  const argv = JSON.parse(line.slice('ENTRYPOINT '.length)) as readonly string[];
  return argv.slice(1, argv.indexOf(built));
}

/** `NAME=VALUE` of the same image, for its memory allocator and the like. */
export function imageEnv(path: string): readonly string[] {
  const lines = imageOf(builtFrom(path)).filter((text) => text.startsWith('ENV '));
  return lines.flatMap((line) => line.slice('ENV '.length).split(' '));
}

function builtFrom(path: string): string {
  return path.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
}

/** Lines of the stage that starts this program; none: there is no image of it. */
function imageOf(built: string): readonly string[] {
  const dockerfile = readFileSync(resolve(workspaceDir, 'deploy/Dockerfile'), 'utf8');
  const stages = dockerfile.split(/^(?=FROM )/m).map((stage) => stage.split('\n'));
  const starts = (line: string): boolean => line.startsWith('ENTRYPOINT ["node"') && line.includes(`"${built}"`);
  return stages.find((lines) => lines.some(starts)) ?? [];
}
