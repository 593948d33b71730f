import { fileURLToPath } from 'node:url';

/** Objects that are shipped; README.md lists their programs, settings and maps. */
export const objectNames = ['mesh_sock', 'mesh_container', 'mesh_overlay'] as const;

export type ObjectName = (typeof objectNames)[number];

/** Where the prebuilt object lies, from the sources as from the build. */
export function objectPath(name: ObjectName): string {
  return fileURLToPath(new URL(`../prebuilt/${name}.o`, import.meta.url));
}
