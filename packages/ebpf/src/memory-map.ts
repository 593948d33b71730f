import type { BpfMap, BpfMapType, MappedArray } from './bpf-map.ts';
import { E2BIG, EINVAL, kernelError } from './bpf-call.ts';
import { roundUpTo8 } from './percpu.ts';
import { requireKey, requireValue } from './record-size.ts';

export interface MemoryMapDefinition {
  readonly name: string;
  readonly type: Exclude<BpfMapType, 'ringbuf' | 'sk_storage'>;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** A map as the kernel would keep it, in plain memory: the same answers and the same errors. */
export class MemoryMap implements BpfMap {
  readonly name: string;
  readonly type: BpfMapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** By the bytes that make keys equal; in order of last use, oldest first, where the type is lru_hash. */
  readonly #entries = new Map<string, Entry>();

  constructor(definition: MemoryMapDefinition) {
    this.name = definition.name;
    this.type = definition.type;
    this.keySize = definition.keySize;
    this.valueSize = definition.valueSize;
    this.maxEntries = definition.maxEntries;
    if (this.type === 'array') this.#fillArray();
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    requireKey(this, key);
    return this.type === 'lpm_trie' ? this.#longestMatch(key) : this.#exact(key);
  }

  update(key: Uint8Array, value: Uint8Array): void {
    requireKey(this, key);
    requireValue(this, value);
    const id = this.#idOf(key);
    if (!this.#entries.has(id) && this.#entries.size >= this.maxEntries) this.#makeRoom();
    if (this.type === 'lru_hash') this.#entries.delete(id);
    this.#entries.set(id, [key.slice(), value.slice()]);
  }

  delete(key: Uint8Array): boolean {
    requireKey(this, key);
    if (this.type === 'array') throw kernelError(-EINVAL, `delete from map ${this.name}`);
    return this.#entries.delete(this.#idOf(key));
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    requireKey(this, keys, count);
    requireValue(this, values, count);
    for (let i = 0; i < count; i++) this.update(record(keys, this.keySize, i), record(values, this.valueSize, i));
  }

  deleteBatch(keys: Uint8Array, count: number): void {
    requireKey(this, keys, count);
    for (let i = 0; i < count; i++) this.delete(record(keys, this.keySize, i));
  }

  *entries(): IterableIterator<Entry> {
    for (const [key, value] of this.#entries.values()) yield [key.slice(), value.slice()];
  }

  #exact(key: Uint8Array): Uint8Array | undefined {
    const id = this.#idOf(key);
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    if (this.type === 'lru_hash') {
      this.#entries.delete(id);
      this.#entries.set(id, entry);
    }
    return entry[1].slice();
  }

  #longestMatch(key: Uint8Array): Uint8Array | undefined {
    const probe = key.slice();
    for (let length = this.#prefixLength(key); length >= 0; length--) {
      setPrefixLength(probe, length);
      const entry = this.#entries.get(this.#idOf(probe));
      if (entry !== undefined) return entry[1].slice();
    }
    return undefined;
  }

  #makeRoom(): void {
    const [oldest] = this.#entries.keys();
    if (this.type !== 'lru_hash' || oldest === undefined) throw kernelError(-E2BIG, `update map ${this.name}`);
    this.#entries.delete(oldest);
  }

  #idOf(key: Uint8Array): string {
    return latin1(this.type === 'lpm_trie' ? maskedToPrefix(key, this.#prefixLength(key)) : key);
  }

  #prefixLength(key: Uint8Array): number {
    const length = prefixLength(key);
    if (length > (this.keySize - 4) * 8) throw kernelError(-EINVAL, `use a prefix of ${length} bits in ${this.name}`);
    return length;
  }

  /** Every element of an array exists from the start. */
  #fillArray(): void {
    for (let index = 0; index < this.maxEntries; index++) {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, index, true);
      this.#entries.set(latin1(key), [key, new Uint8Array(this.valueSize)]);
    }
  }
}

/** A mapped array in plain memory. */
export function memoryMappedArray(name: string, valueSize: number, maxEntries: number): MappedArray {
  return { name, valueSize, maxEntries, bytes: new Uint8Array(new ArrayBuffer(maxEntries * roundUpTo8(valueSize))) };
}

function record(bytes: Uint8Array, size: number, index: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** struct bpf_lpm_trie_key: prefix length in bits, then the data, most significant bit first. */
function prefixLength(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
}

function setPrefixLength(key: Uint8Array, length: number): void {
  new DataView(key.buffer, key.byteOffset).setUint32(0, length, true);
}

function maskedToPrefix(key: Uint8Array, length: number): Uint8Array {
  const masked = key.slice();
  const whole = 4 + (length >> 3);
  const partial = masked[whole];
  if (partial !== undefined) masked[whole] = partial & (0xff00 >> (length & 7));
  return masked.fill(0, whole + 1);
}
