import type { Container } from '@clustermesh/kube';
import { basename } from 'node:path';

import { nodeProgram } from '../workspace.ts';

/** Name of an image (last part of its path, no tag or digest) → local program with its first arguments. */
export type ProgramTable = ReadonlyMap<string, readonly string[]>;

/** The images of deploy/manifests and of the demo. TypeScript runs as it is: Node strips the types. */
export const labPrograms: ProgramTable = new Map([
  ['clustermesh-apiserver', nodeProgram('clustermesh-apiserver/src/main.ts')],
  ['kvstoremesh', nodeProgram('kvstoremesh/src/main.ts')],
  ['clustermesh-agent', nodeProgram('agent/src/main.ts')],
  ['etcd', ['etcd']],
  ['echo', nodeProgram('packages/lab/src/demo/echo.ts')],
  ['dns', nodeProgram('packages/lab/src/demo/dns.ts')],
  ['client', ['sleep', 'infinity']],
]);

/** What a person calls it: one image may hold several programs. */
export function programName({ image, command }: Container): string {
  return command?.[0] === undefined ? imageName(image) : basename(command[0]);
}

/** `registry:5000/mesh/echo:v1@sha256:…` → `echo`. */
export function imageName(image: string): string {
  const last = image.split('@')[0]?.split('/').at(-1) ?? '';
  return last.split(':')[0] ?? '';
}
