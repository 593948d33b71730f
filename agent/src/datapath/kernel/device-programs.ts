import type { ObjectName } from '@clustermesh/bpf';
import type { Program } from '@clustermesh/ebpf';

import { closeObjects } from './objects.ts';
import type { DatapathObjects } from './objects.ts';

/** Objects with programs at devices. */
export const deviceObjects = ['mesh_container', 'mesh_overlay'] as const satisfies readonly ObjectName[];

export type DeviceObjects = Pick<DatapathObjects, (typeof deviceObjects)[number]>;

/**
 * What is attached. The programs at devices can be loaded anew while they run: settings are constants of a program, and
 * an instance of one stands at a hook only once, so that it takes another to get in front of what came later.
 */
export class DevicePrograms implements Disposable {
  readonly #objects: DatapathObjects;
  /** In place of the first; these are ours to close. */
  #renewed: Partial<DeviceObjects> = {};

  constructor(objects: DatapathObjects) {
    this.#objects = objects;
  }

  program(row: { readonly object: ObjectName; readonly program: string }): Program {
    return { ...this.#objects, ...this.#renewed }[row.object].program(row.program);
  }

  /** What is attached stays until its hooks are given the new programs. */
  renew(objects: DeviceObjects): void {
    closeObjects(this.#renewed);
    this.#renewed = objects;
  }

  [Symbol.dispose](): void {
    closeObjects(this.#renewed);
  }
}
