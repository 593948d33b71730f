import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '@clustermesh/runtime';
import { Attributes, kernelError } from './bpf-call.ts';
import { getPinned, preparePinDirectory } from './bpffs.ts';
import { sectionVariables } from './btf.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { KernelMap } from './kernel-map.ts';
import type { Handle, Libbpf } from './libbpf.ts';
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

/** The verifier says why at the end of its log; on kernels before 6.4 a log that does not fit is an error itself. */
const logBytes = 4 << 20;
const logTailCharacters = 2000;

/**
 * Loads a prebuilt object: its maps exist and are pinned, its programs are verified and ready to attach.
 * Throws BPF_LOAD_FAILED: the message names the map and field that differ, the cause ends in the verifier's log.
 */
export function loadObject(options: ObjectOptions, abi: KernelAbi = kernelAbi()): LoadedObject {
  const libbpf = abi.libbpf();
  const log = offHeap(logBytes);
  const object = libbpf.openObject(options.path, openOptions(abi, log));
  if (object === null) throw loadError(options.path, -libbpf.errno(), log);
  try {
    for (const map of mapsOf(libbpf, object)) prepareMap(libbpf, map, options, abi);
    if (options.rodata !== undefined) setRodata(libbpf, object, options);
    const result = libbpf.loadObject(object);
    if (result < 0) throw loadError(options.path, result, log);
  } catch (error) {
    libbpf.closeObject(object);
    throw error;
  }
  return new LoadedObject(object, options.path, abi);
}

/** The definitions of an object's maps, with sizes set by name as `loadObject` would. Nothing is loaded. */
export function readMapDefinitions(
  options: Pick<ObjectOptions, 'path' | 'maxEntries'>,
  abi: KernelAbi = kernelAbi(),
): ReadonlyMap<string, MapDefinition> {
  const libbpf = abi.libbpf();
  const object = libbpf.openObject(options.path, new Attributes(80).u64(0, 80n).bytes);
  if (object === null) throw kernelError(-libbpf.errno(), `open ${options.path}`, { code: 'BPF_LOAD_FAILED' });
  try {
    const definitions = new Map<string, MapDefinition>();
    for (const map of mapsOf(libbpf, object)) {
      const name = libbpf.mapName(map);
      const definition = definitionOf(libbpf, map);
      definitions.set(name, { ...definition, maxEntries: options.maxEntries?.[name] ?? definition.maxEntries });
    }
    return definitions;
  } finally {
    libbpf.closeObject(object);
  }
}

/** Owns the programs and maps that it gives out: they are valid until close(). */
export class LoadedObject implements Disposable {
  readonly #object: Handle;
  readonly #path: string;
  readonly #abi: KernelAbi;
  readonly #mapped: KernelMappedArray[] = [];
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

/** struct bpf_object_open_opts of libbpf 1.0: sz@0, kernel_log_buf@56, kernel_log_size@64, kernel_log_level@72. */
function openOptions(abi: KernelAbi, log: Uint8Array): Uint8Array {
  return new Attributes(80).u64(0, 80n).u64(56, abi.addressOf(log)).u64(64, BigInt(log.length)).bytes;
}

function loadError(path: string, result: number, log: Uint8Array): MeshError {
  const end = log.indexOf(0);
  const detail = Buffer.from(log.subarray(Math.max(0, end - logTailCharacters), end)).toString('utf8');
  return kernelError(result, `load ${path}`, { code: 'BPF_LOAD_FAILED', detail });
}

function check(result: number, attempted: string): void {
  if (result < 0) throw kernelError(result, attempted);
}
