import { closeSync } from 'node:fs';
import { Attributes, EEXIST, ENOENT, ENOSPC, command, kernelError } from './bpf-call.ts';
import type { BpfMap, BpfMapType } from './bpf-map.ts';
import { getPinned, pin } from './bpffs.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { mapTypeNumbers, readMapDefinition, type MapDefinition } from './map-definition.ts';
import { possibleCpus, roundUpTo8 } from './percpu.ts';
import { requireKey, requireValue } from './record-size.ts';
import { offHeap } from './off-heap.ts';

/** Records a system call: beyond a few hundred the work in the map dominates. */
const batchRecords = 1024;

/** Attributes of MAP_*_ELEM: map_fd@0, key@8, value@16, flags@24; of MAP_*_BATCH: see `#batch`. */
const elementSize = 32;
const elementFlags = 24;
const BPF_NOEXIST = 1n;
const batchSize = 56;
const batchCount = 32;

interface Page {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
  /** Where the next page starts; undefined after the last. */
  readonly resume: Uint8Array | undefined;
}

/** A map in the kernel, through bpf(2). Not for ring buffers and socket storage. */
export class KernelMap implements BpfMap {
  readonly name: string;
  readonly fd: number;
  readonly type: BpfMapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly definition: MapDefinition;
  readonly #abi: KernelAbi;
  // One set of buffers a map, so that a call allocates nothing but its result.
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;
  readonly #element: Uint8Array;
  /** The kernel refuses a deletion whose attributes name a value. */
  readonly #keyOnly: Uint8Array;

  /** Does not own `fd`: whoever made it closes it. */
  constructor(name: string, fd: number, abi: KernelAbi = kernelAbi()) {
    const definition = readMapDefinition(abi, fd, name);
    this.name = name;
    this.fd = fd;
    this.definition = definition;
    this.type = definition.type;
    this.keySize = definition.keySize;
    this.maxEntries = definition.maxEntries;
    this.valueSize = definition.type.startsWith('percpu_')
      ? roundUpTo8(definition.valueSize) * possibleCpus()
      : definition.valueSize;
    this.#abi = abi;
    this.#key = offHeap(this.keySize);
    this.#value = offHeap(this.valueSize);
    this.#element = new Attributes(elementSize)
      .u32(0, fd)
      .u64(8, abi.addressOf(this.#key))
      .u64(16, abi.addressOf(this.#value)).bytes;
    this.#keyOnly = this.#element.subarray(0, 16);
  }

  /** Opens a pinned map. The caller closes it. */
  static openPinned(name: string, pinPath: string, abi: KernelAbi = kernelAbi()): KernelMap {
    return new KernelMap(name, getPinned(pinPath, abi), abi);
  }

  /** Creates a map that lives as long as it is open (or held by a program or pin). The caller closes it. */
  static create(name: string, definition: MapDefinition, abi: KernelAbi = kernelAbi()): KernelMap {
    const attributes = new Attributes(72)
      .u32(0, mapTypeNumbers[definition.type])
      .u32(4, definition.keySize)
      .u32(8, definition.valueSize)
      .u32(12, definition.maxEntries)
      .u32(16, definition.flags);
    const fd = abi.bpf(command.mapCreate, attributes.bytes);
    if (fd < 0) throw kernelError(fd, `create map ${name}`);
    return new KernelMap(name, fd, abi);
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const result = this.#call(command.mapLookup, key);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw kernelError(result, `look up in map ${this.name}`);
    return this.#value.slice();
  }

  update(key: Uint8Array, value: Uint8Array): void {
    requireValue(this, value);
    this.#value.set(value);
    const result = this.#call(command.mapUpdate, key);
    if (result < 0) throw kernelError(result, `update map ${this.name}`);
  }

  /** Writes only where the key is not there yet: false when it is. */
  insert(key: Uint8Array, value: Uint8Array): boolean {
    requireValue(this, value);
    this.#value.set(value);
    const flags = new DataView(this.#element.buffer, this.#element.byteOffset);
    flags.setBigUint64(elementFlags, BPF_NOEXIST, true);
    const result = this.#call(command.mapUpdate, key);
    flags.setBigUint64(elementFlags, 0n, true);
    if (result === -EEXIST) return false;
    if (result < 0) throw kernelError(result, `insert into map ${this.name}`);
    return true;
  }

  delete(key: Uint8Array): boolean {
    const result = this.#call(command.mapDelete, key, this.#keyOnly);
    if (result === -ENOENT) return false;
    if (result < 0) throw kernelError(result, `delete from map ${this.name}`);
    return true;
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    requireKey(this, keys, count);
    requireValue(this, values, count);
    for (let from = 0; from < count; from += batchRecords) {
      const chunk = Math.min(batchRecords, count - from);
      const batch = this.#batch(chunk);
      batch.keys.set(keys.subarray(from * this.keySize, (from + chunk) * this.keySize));
      batch.values.set(values.subarray(from * this.valueSize, (from + chunk) * this.valueSize));
      const result = this.#abi.bpf(command.mapUpdateBatch, batch.attributes.bytes);
      if (result < 0) throw kernelError(result, `update ${count} entries of map ${this.name}`);
    }
  }

  deleteBatch(keys: Uint8Array, count: number): void {
    requireKey(this, keys, count);
    for (let from = 0; from < count;) {
      const chunk = Math.min(batchRecords, count - from);
      const batch = this.#batch(chunk);
      batch.keys.set(keys.subarray(from * this.keySize, (from + chunk) * this.keySize));
      const result = this.#abi.bpf(command.mapDeleteBatch, batch.attributes.bytes);
      if (result < 0 && result !== -ENOENT) throw kernelError(result, `delete ${count} entries of map ${this.name}`);
      // The kernel stops at the first key that is not there; go on behind it.
      from += result === -ENOENT ? batch.attributes.readU32(batchCount) + 1 : chunk;
    }
  }

  /** Reads one page ahead: a trie resumes from the last key of a page, which must still be there by then. */
  *entries(): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]> {
    let page: Page | undefined = this.#page(undefined);
    while (page !== undefined) {
      const next: Page | undefined = page.resume && this.#page(page.resume);
      for (let i = 0; i < page.count; i++) {
        yield [
          page.keys.subarray(i * this.keySize, (i + 1) * this.keySize),
          page.values.subarray(i * this.valueSize, (i + 1) * this.valueSize),
        ];
      }
      page = next;
    }
  }

  /** Keeps the map, and its content, beyond this process. */
  pin(path: string): void {
    pin(this.fd, path, this.#abi);
  }

  close(): void {
    closeSync(this.fd);
  }

  #call(operation: number, key: Uint8Array, attributes = this.#element): number {
    requireKey(this, key);
    this.#key.set(key);
    return this.#abi.bpf(operation, attributes);
  }

  #page(resume: Uint8Array | undefined): Page {
    for (let size = Math.min(batchRecords, this.maxEntries); ; size *= 2) {
      const { attributes, keys, values } = this.#batch(size);
      // Of a hash the token is a bucket number, of other maps a key.
      const next = offHeap(Math.max(4, this.keySize));
      if (resume !== undefined) attributes.u64(0, this.#abi.addressOf(resume));
      attributes.u64(8, this.#abi.addressOf(next));
      const result = this.#abi.bpf(command.mapLookupBatch, attributes.bytes);
      // A hash gives whole buckets: one that does not fit wants more room.
      if (result === -ENOSPC) continue;
      if (result < 0 && result !== -ENOENT) throw kernelError(result, `read the entries of map ${this.name}`);
      const count = attributes.readU32(batchCount);
      return { keys, values, count, resume: result === -ENOENT ? undefined : next };
    }
  }

  /** struct: in_batch@0, out_batch@8, keys@16, values@24, count@32, map_fd@36, elem_flags@40, flags@48. */
  #batch(count: number): { attributes: Attributes; keys: Uint8Array; values: Uint8Array } {
    const keys = offHeap(count * this.keySize);
    const values = offHeap(count * this.valueSize);
    const attributes = new Attributes(batchSize)
      .u64(16, this.#abi.addressOf(keys))
      .u64(24, this.#abi.addressOf(values))
      .u32(batchCount, count)
      .u32(36, this.fd);
    return { attributes, keys, values };
  }
}
