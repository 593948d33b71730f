import { fileURLToPath } from 'node:url';

/** Objects that are shipped; README.md lists their programs, settings and maps. */
export type ObjectName = 'mesh_sock' | 'mesh_container' | 'mesh_overlay';

/** Where the prebuilt object lies, from the sources as from the build. */
export function objectPath(name: ObjectName): string {
  return fileURLToPath(new URL(`../prebuilt/${name}.o`, import.meta.url));
}
