import { fileURLToPath } from 'node:url';

/** Objects that are shipped; README.md lists their programs, settings and maps. */
export const objectNames = ['mesh_sock', 'mesh_container', 'mesh_overlay'] as const;

export type ObjectName = (typeof objectNames)[number];

/** Loaded where the kernel can: what it does is a help, nothing depends on it. */
export type OptionalObjectName = 'mesh_sock_term';

/** Where the prebuilt object lies, from the sources as from the build. */
export function objectPath(name: ObjectName | OptionalObjectName): string {
  return fileURLToPath(new URL(`../prebuilt/${name}.o`, import.meta.url));
}
