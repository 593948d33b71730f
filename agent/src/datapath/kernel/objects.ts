import { objectNames, objectPath as shippedObject } from '@clustermesh/bpf';
import type { ObjectName } from '@clustermesh/bpf';
import { loadObjectInBackground } from '@clustermesh/ebpf';
import type { LoadedObject, ObjectOptions } from '@clustermesh/ebpf';

import { openEach } from '../../maps/datapath-maps.ts';
import type { DatapathMaps } from '../../maps/datapath-maps.ts';

/** All objects, loaded with the same pins, so that they share their maps. */
export type DatapathObjects = Readonly<Record<ObjectName, LoadedObject>>;

export type LoadOptions = Pick<ObjectOptions, 'pinDir' | 'maxEntries'> & {
  /** Settings; an object is given those that are its own. */
  readonly rodata?: Readonly<Partial<Record<ObjectName, NonNullable<ObjectOptions['rodata']>>>>;
  /** Where the objects lie; the shipped ones by default. */
  readonly objectPath?: (name: ObjectName) => string;
};

/** Loads all or none. */
export function loadObjects(options: LoadOptions): Promise<DatapathObjects> {
  return loadSome(options, objectNames);
}

/** As `loadObjects`, of these alone. */
export async function loadSome<Name extends ObjectName>(
  options: LoadOptions,
  names: readonly Name[],
): Promise<Readonly<Record<Name, LoadedObject>>> {
  const { rodata = {}, objectPath = shippedObject, ...common } = options;
  using stack = new DisposableStack();
  const loaded = new Map<ObjectName, LoadedObject>();
  // One after the other: those that come later find the maps of the earlier ones.
  for (const name of names) {
    const settings = rodata[name];
    const own = settings === undefined ? {} : { rodata: settings };
    loaded.set(name, stack.use(await loadObjectInBackground({ ...common, ...own, path: objectPath(name) })));
  }
  stack.move();
  return Object.fromEntries(loaded) as Record<Name, LoadedObject>;
}

export function closeObjects(objects: Readonly<Partial<DatapathObjects>>): void {
  for (const object of Object.values(objects)) object.close();
}

/** The maps of our table, valid until the objects are closed. */
export function mapsOf(objects: DatapathObjects): DatapathMaps {
  return openEach(({ kind, object }, name) =>
    kind === 'mapped' ? objects[object].mappedArray(name) : objects[object].map(name),
  );
}
