import type { BpfMap, BpfMapType } from '@clustermesh/ebpf';

/** Writes to several maps alike, and says after each write what was written. */
export class WatchedMap implements BpfMap {
  readonly #maps: readonly [BpfMap, ...BpfMap[]];
  readonly #written: (key: Uint8Array) => void;

  constructor(maps: readonly [BpfMap, ...BpfMap[]], written: (key: Uint8Array) => void) {
    this.#maps = maps;
    this.#written = written;
  }

  get name(): string {
    return this.#maps[0].name;
  }

  get type(): BpfMapType {
    return this.#maps[0].type;
  }

  get keySize(): number {
    return this.#maps[0].keySize;
  }

  get valueSize(): number {
    return this.#maps[0].valueSize;
  }

  get maxEntries(): number {
    return this.#maps[0].maxEntries;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#maps[0].lookup(key);
  }

  entries(): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.#maps[0].entries();
  }

  update(key: Uint8Array, value: Uint8Array): void {
    for (const map of this.#maps) map.update(key, value);
    this.#written(key);
  }

  delete(key: Uint8Array): boolean {
    const wasThere = this.#maps.map((map) => map.delete(key));
    this.#written(key);
    return wasThere[0] === true;
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) {
      this.update(part(keys, this.keySize, i), part(values, this.valueSize, i));
    }
  }

  deleteBatch(keys: Uint8Array, count: number): void {
    for (let i = 0; i < count; i++) this.delete(part(keys, this.keySize, i));
  }
}

function part(bytes: Uint8Array, size: number, index: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}
