import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '@clustermesh/runtime';
import { Attributes, EAGAIN, kernelError } from './bpf-call.ts';
import { getPinned, preparePinDirectory } from './bpffs.ts';
import { sectionVariables } from './btf.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { KernelMap } from './kernel-map.ts';
import { KernelRingBuffer } from './kernel-ring-buffer.ts';
import type { Handle, Libbpf } from './libbpf.ts';
import { loadFailure, verifierLogs, type VerifierLogs } from './load-failure.ts';
import { definitionDifference, mapTypeOf, readMapDefinition, type MapDefinition } from './map-definition.ts';
import { KernelMappedArray } from './mapped-array.ts';
import { offHeap } from './off-heap.ts';

export interface ObjectOptions {
  readonly path: string;
  /** Maps are pinned here by name, or taken from here where one of the same definition is pinned already. */
  readonly pinDir: string;
  /** Sizes by map name. Names that this object lacks are ignored: objects share one table of sizes. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** `const volatile` settings by variable name: bytes as they are, or a number in as many bytes as it has. */
  readonly rodata?: Readonly<Record<string, Uint8Array | number>>;
}

/** A loaded program. */
export interface Program {
  readonly name: string;
  readonly fd: number;
}

/** A signal in the middle of the verifier's work ends it; libbpf tries again too, but a profiler's signals are many. */
const loadAttempts = 5;

/**
 * Loads a prebuilt object: its maps exist and are pinned, its programs are verified and ready to attach.
 * Throws BPF_LOAD_FAILED or BPF_PERMISSION: the message names the map and field that differ, or the program or map that
 * the kernel refuses; the cause says what to do and ends in the verifier's log.
 */
export function loadObject(options: ObjectOptions, abi: KernelAbi = kernelAbi()): LoadedObject {
  for (let attempt = 1; ; attempt++) {
    using opened = OpenedObject.open(options, abi);
    const loaded = opened.finish(abi.libbpf().loadObject(opened.handle), attempt === loadAttempts);
    if (loaded !== undefined) return loaded;
  }
}

/** As `loadObject`, while the event loop turns: verifying programs takes tens of milliseconds. */
export async function loadObjectInBackground(
  options: ObjectOptions,
  abi: KernelAbi = kernelAbi(),
): Promise<LoadedObject> {
  for (let attempt = 1; ; attempt++) {
    using opened = OpenedObject.open(options, abi);
    const result = await abi.libbpf().loadObjectInBackground(opened.handle);
    const loaded = opened.finish(result, attempt === loadAttempts);
    if (loaded !== undefined) return loaded;
  }
}

/** An object with its maps and settings prepared, between opening and loading. */
class OpenedObject implements Disposable {
  readonly handle: Handle;
  readonly #options: ObjectOptions;
  readonly #abi: KernelAbi;
  readonly #logs: VerifierLogs;
  #isLoaded = false;

  private constructor(handle: Handle, options: ObjectOptions, abi: KernelAbi) {
    this.handle = handle;
    this.#options = options;
    this.#abi = abi;
    this.#logs = verifierLogs(abi.libbpf(), handle, abi);
  }

  static open(options: ObjectOptions, abi: KernelAbi): OpenedObject {
    const libbpf = abi.libbpf();
    const handle = openObject(libbpf, options.path);
    try {
      for (const map of mapsOf(libbpf, handle)) prepareMap(libbpf, map, options, abi);
      if (options.rodata !== undefined) setRodata(libbpf, handle, options);
      return new OpenedObject(handle, options, abi);
    } catch (error) {
      libbpf.closeObject(handle);
      throw error;
    }
  }

  /** What loading gave; undefined where it is worth another attempt. */
  finish(result: number, isLast: boolean): LoadedObject | undefined {
    const { path } = this.#options;
    if (result >= 0) {
      this.#isLoaded = true;
      return new LoadedObject(this.handle, path, this.#abi);
    }
    if (result === -EAGAIN && !isLast) return undefined;
    const maps = definitionsOf(this.#abi.libbpf(), this.handle);
    throw loadFailure({ path, result, logs: this.#logs, maps }, this.#abi);
  }

  [Symbol.dispose](): void {
    if (!this.#isLoaded) this.#abi.libbpf().closeObject(this.handle);
  }
}

/** The definitions of an object's maps, with sizes set by name as `loadObject` would. Nothing is loaded. */
export function readMapDefinitions(
  options: Pick<ObjectOptions, 'path' | 'maxEntries'>,
  abi: KernelAbi = kernelAbi(),
): ReadonlyMap<string, MapDefinition> {
  const libbpf = abi.libbpf();
  const object = openObject(libbpf, options.path);
  try {
    const sized = [...definitionsOf(libbpf, object)].map(([name, definition]) => {
      return [name, { ...definition, maxEntries: options.maxEntries?.[name] ?? definition.maxEntries }] as const;
    });
    return new Map(sized);
  } finally {
    libbpf.closeObject(object);
  }
}

/** Owns the programs and maps that it gives out: they are valid until close(). */
export class LoadedObject implements Disposable {
  readonly #object: Handle;
  readonly #path: string;
  readonly #abi: KernelAbi;
  readonly #mapped: { close(): void }[] = [];
  #closed = false;

  constructor(object: Handle, path: string, abi: KernelAbi) {
    this.#object = object;
    this.#path = path;
    this.#abi = abi;
  }

  map(name: string): KernelMap {
    return new KernelMap(name, this.#mapFd(name), this.#abi);
  }

  mappedArray(name: string): KernelMappedArray {
    const array = new KernelMappedArray(name, this.#mapFd(name), this.#abi);
    this.#mapped.push(array);
    return array;
  }

  ringBuffer(name: string): KernelRingBuffer {
    const ring = new KernelRingBuffer(name, this.#mapFd(name), this.#abi);
    this.#mapped.push(ring);
    return ring;
  }

  /** By the name of the C function. */
  program(name: string): Program {
    const handle = this.#abi.libbpf().findProgram(this.#object, name);
    if (handle === null) throw new MeshError('BPF_LOAD_FAILED', `find program ${name} in ${this.#path}`);
    return { name, fd: this.#abi.libbpf().programFd(handle) };
  }

  /** Idempotent. What is pinned or attached stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const array of this.#mapped) array.close();
    this.#abi.libbpf().closeObject(this.#object);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #mapFd(name: string): number {
    const handle = this.#abi.libbpf().findMap(this.#object, name);
    if (handle === null) throw new MeshError('BPF_LOAD_FAILED', `find map ${name} in ${this.#path}`);
    return this.#abi.libbpf().mapFd(handle);
  }
}

/** struct bpf_object_open_opts of libbpf 1.0 begins with its size; the rest is as by default. */
function openObject(libbpf: Libbpf, path: string): Handle {
  const object = libbpf.openObject(path, new Attributes(80).u64(0, 80n).bytes);
  if (object === null) throw kernelError(-libbpf.errno(), `load ${path}`, { code: 'BPF_LOAD_FAILED' });
  return object;
}

function definitionsOf(libbpf: Libbpf, object: Handle): ReadonlyMap<string, MapDefinition> {
  return new Map([...mapsOf(libbpf, object)].map((map) => [libbpf.mapName(map), definitionOf(libbpf, map)]));
}

function* mapsOf(libbpf: Libbpf, object: Handle): Generator<Handle> {
  for (let map = libbpf.nextMap(object, null); map !== null; map = libbpf.nextMap(object, map)) {
    if (!libbpf.isInternal(map)) yield map;
  }
}

function prepareMap(libbpf: Libbpf, map: Handle, options: ObjectOptions, abi: KernelAbi): void {
  const name = libbpf.mapName(map);
  const size = options.maxEntries?.[name];
  if (size !== undefined) check(libbpf.setMaxEntries(map, size), `size map ${name} to ${size} entries`);
  const pinPath = join(preparePinDirectory(options.pinDir), name);
  // libbpf refuses another definition too, but does not say which map or what differs.
  if (existsSync(pinPath)) requireSameDefinition(name, pinPath, definitionOf(libbpf, map), abi);
  check(libbpf.setPinPath(map, pinPath), `pin map ${name}`);
}

function requireSameDefinition(name: string, pinPath: string, wanted: MapDefinition, abi: KernelAbi): void {
  const fd = getPinned(pinPath, abi);
  try {
    const difference = definitionDifference(readMapDefinition(abi, fd, name), wanted);
    if (difference === undefined) return;
    throw new MeshError('BPF_LOAD_FAILED', `reuse map ${name} pinned at ${pinPath}: its ${difference}`);
  } finally {
    closeSync(fd);
  }
}

function definitionOf(libbpf: Libbpf, map: Handle): MapDefinition {
  return {
    type: mapTypeOf(libbpf.mapType(map)),
    keySize: libbpf.keySize(map),
    valueSize: libbpf.valueSize(map),
    maxEntries: libbpf.maxEntries(map),
    flags: libbpf.mapFlags(map),
  };
}

function setRodata(libbpf: Libbpf, object: Handle, options: ObjectOptions): void {
  const map = libbpf.findMap(object, '.rodata');
  const variables = sectionVariables(libbpf.btf(object), '.rodata');
  const bytes = map === null ? offHeap(0) : libbpf.initialValue(map);
  for (const [name, value] of Object.entries(options.rodata ?? {})) {
    const variable = variables.get(name);
    if (variable === undefined) throw new MeshError('BPF_LOAD_FAILED', `find setting ${name} in ${options.path}`);
    const target = bytes.subarray(variable.offset, variable.offset + variable.size);
    if (typeof value === 'number') writeNumber(target, value);
    else if (value.length === target.length) target.set(value);
    else throw new MeshError('BPF_LOAD_FAILED', `set ${name}, which has ${target.length} bytes, to ${value.length}`);
  }
  if (map !== null) check(libbpf.setInitialValue(map, bytes, bytes.length), `set the settings of ${options.path}`);
}

function writeNumber(target: Uint8Array, value: number): void {
  let rest = BigInt(value);
  for (let i = 0; i < target.length; i++, rest >>= 8n) target[i] = Number(rest & 0xffn);
}

function check(result: number, attempted: string): void {
  if (result < 0) throw kernelError(result, attempted);
}
