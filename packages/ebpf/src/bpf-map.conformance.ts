/* eslint jest/no-export: off -- a suite for each implementation to call */
import { describe, expect, it } from '@jest/globals';
import type { BpfMap, MappedArray } from './bpf-map.ts';
import type { MapDefinition } from './map-definition.ts';
import { mapFlag } from './map-definition.ts';

export interface MapProvider {
  /** `valueSize` of a per-CPU map is that of one CPU. */
  readonly open: (definition: MapDefinition) => BpfMap;
  /** An array and its mapping. */
  readonly openMapped: (valueSize: number, maxEntries: number) => MappedArray;
}

const hash: MapDefinition = { type: 'hash', keySize: 12, valueSize: 8, maxEntries: 4, flags: mapFlag.noPrealloc };
const many = 2500;

/** What every BpfMap must do, in the kernel or in memory. */
export function bpfMapConformance(name: string, { open, openMapped }: MapProvider): void {
  describe(`${name}: hash`, () => {
    it('gives what was written, and undefined for what was not', () => {
      const map = open(hash);
      map.update(key12(1), value8(10));
      expect(map.lookup(key12(1))).toEqual(value8(10));
      expect(map.lookup(key12(2))).toBeUndefined();
    });

    it('replaces a value', () => {
      const map = open(hash);
      map.update(key12(1), value8(10));
      map.update(key12(1), value8(11));
      expect(map.lookup(key12(1))).toEqual(value8(11));
      expect([...map.entries()]).toHaveLength(1);
    });

    it('gives values that later calls do not change', () => {
      const map = open(hash);
      map.update(key12(1), value8(10));
      const first = map.lookup(key12(1));
      map.update(key12(2), value8(20));
      map.lookup(key12(2));
      expect(first).toEqual(value8(10));
    });

    it('says whether a deleted key was there', () => {
      const map = open(hash);
      map.update(key12(1), value8(10));
      expect([map.delete(key12(1)), map.delete(key12(1))]).toEqual([true, false]);
    });

    it('refuses a new key when full, but not a new value', () => {
      const map = open(hash);
      for (let i = 0; i < 4; i++) map.update(key12(i), value8(i));
      expect(() => map.update(key12(9), value8(9))).toThrow(expect.objectContaining({ code: 'BPF_MAP_FULL' }));
      map.update(key12(0), value8(100));
      expect(map.lookup(key12(0))).toEqual(value8(100));
    });

    it.each([
      { what: 'short key', key: 11, value: 8 },
      { what: 'long key', key: 13, value: 8 },
      { what: 'short value', key: 12, value: 7 },
      { what: 'long value', key: 12, value: 9 },
    ])('refuses a $what', ({ key, value }) => {
      const update = (): void => open(hash).update(new Uint8Array(key), new Uint8Array(value));
      expect(update).toThrow(expect.objectContaining({ code: 'BPF_FAILED' }));
    });

    it('writes, reads and deletes batches of any size, passing over keys that are not there', () => {
      const map = open({ ...hash, maxEntries: 4096 });
      map.updateBatch(records(many, key12), records(many, value8), many);
      expect(sorted(map)).toEqual(Array.from({ length: many }, (_, i) => [i, i]));
      const odd = (i: number): Uint8Array => key12(2 * i + 1);
      map.deleteBatch(records(many, odd), many);
      expect(sorted(map)).toEqual(Array.from({ length: many / 2 }, (_, i) => [2 * i, 2 * i]));
    });

    it('says in a batch too that it is full', () => {
      const batch = (): void => open(hash).updateBatch(records(5, key12), records(5, value8), 5);
      expect(batch).toThrow(expect.objectContaining({ code: 'BPF_MAP_FULL' }));
    });

    it('gives every entry once while those it gave are deleted', () => {
      expectSweep(open({ ...hash, maxEntries: 4096 }), key12);
    });

    it('gives no entries when empty', () => {
      expect([...open(hash).entries()]).toEqual([]);
    });
  });

  describe(`${name}: lru hash`, () => {
    it('makes room instead of refusing, and holds no more than its capacity', () => {
      const map = open({ ...hash, type: 'lru_hash', maxEntries: 256, flags: 0 });
      for (let i = 0; i < 1000; i++) map.update(key12(i), value8(i));
      expect(map.lookup(key12(999))).toEqual(value8(999));
      expect([...map.entries()].length).toBeLessThanOrEqual(256);
    });
  });

  describe(`${name}: longest-prefix trie`, () => {
    const trie: MapDefinition = {
      type: 'lpm_trie',
      keySize: 8,
      valueSize: 8,
      maxEntries: 4096,
      flags: mapFlag.noPrealloc,
    };

    it.each([
      { address: 0x0a010203, want: 24 },
      { address: 0x0a010303, want: 20 },
      { address: 0x0a01c801, want: 16 },
      { address: 0x0b000000, want: 0 },
    ])('gives the longest prefix of $address', ({ address, want }) => {
      const map = open(trie);
      map.update(prefix(0x0a010200, 24), value8(24));
      map.update(prefix(0x0a010000, 20), value8(20));
      map.update(prefix(0x0a010000, 16), value8(16));
      map.update(prefix(0, 0), value8(0));
      expect(map.lookup(prefix(address, 32))).toEqual(value8(want));
    });

    it('knows a prefix by its bits alone', () => {
      const map = open(trie);
      map.update(prefix(0x0a010203, 16), value8(1));
      map.update(prefix(0x0a01ffff, 16), value8(2));
      expect([...map.entries()]).toHaveLength(1);
      expect(map.delete(prefix(0x0a010000, 16))).toBe(true);
    });

    it('deletes the prefix of that length and no other', () => {
      const map = open(trie);
      map.update(prefix(0x0a000000, 8), value8(8));
      expect(map.delete(prefix(0x0a000000, 16))).toBe(false);
      expect(map.lookup(prefix(0x0a000000, 32))).toEqual(value8(8));
    });

    it('refuses a prefix longer than the key', () => {
      const update = (): void => open(trie).update(prefix(0, 33), value8(0));
      expect(update).toThrow(expect.objectContaining({ code: 'BPF_FAILED' }));
    });

    it('gives every entry once while those it gave are deleted', () => {
      expectSweep(open(trie), (i) => prefix(i << 8, 24));
    });
  });

  describe(`${name}: array`, () => {
    const array: MapDefinition = { type: 'array', keySize: 4, valueSize: 12, maxEntries: 3, flags: 0 };
    const twelve = new Uint8Array(12).fill(7);

    it('has every element from the start and none behind the last', () => {
      const map = open(array);
      expect(map.lookup(u32(2))).toEqual(new Uint8Array(12));
      expect(map.lookup(u32(3))).toBeUndefined();
      expect([...map.entries()]).toHaveLength(3);
    });

    it('writes elements, and none behind the last', () => {
      const map = open(array);
      map.update(u32(1), twelve);
      expect(map.lookup(u32(1))).toEqual(twelve);
      expect(() => map.update(u32(3), twelve)).toThrow(expect.objectContaining({ code: 'BPF_MAP_FULL' }));
    });

    it('deletes nothing', () => {
      expect(() => open(array).delete(u32(1))).toThrow(expect.objectContaining({ code: 'BPF_FAILED' }));
    });
  });

  describe(`${name}: per-CPU hash`, () => {
    it('holds one value per CPU, each rounded up to 8 bytes', () => {
      const map = open({ ...hash, type: 'percpu_hash', flags: 0 });
      const value = new Uint8Array(map.valueSize).map((_, i) => i);
      expect(map.valueSize % 8).toBe(0);
      map.update(key12(1), value);
      expect(map.lookup(key12(1))).toEqual(value);
      expect([...map.entries()]).toEqual([[key12(1), value]]);
    });
  });

  describe(`${name}: mapped array`, () => {
    it('is all zero and has room for every element, rounded up to 8 bytes', () => {
      const mapped = openMapped(12, 5);
      expect(mapped.bytes).toEqual(new Uint8Array(5 * 16));
    });

    it('takes atomic stores of words', () => {
      const { bytes } = openMapped(8, 4);
      Atomics.store(new Uint32Array(bytes.buffer, bytes.byteOffset), 3, 0xffff_fffe);
      expect(bytes.subarray(12, 16)).toEqual(new Uint8Array([0xfe, 0xff, 0xff, 0xff]));
    });
  });
}

function expectSweep(map: BpfMap, keyOf: (i: number) => Uint8Array): void {
  for (let i = 0; i < many; i++) map.update(keyOf(i), value8(i));
  const seen: number[] = [];
  for (const [key, value] of map.entries()) {
    seen.push(u32At(value));
    map.delete(key);
  }
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: many }, (_, i) => i));
  expect([...map.entries()]).toEqual([]);
}

function sorted(map: BpfMap): [number, number][] {
  const pairs = [...map.entries()].map(([key, value]): [number, number] => [u32At(key), u32At(value)]);
  return pairs.sort(([a], [b]) => a - b);
}

function records(count: number, one: (i: number) => Uint8Array): Uint8Array {
  return Buffer.concat(Array.from({ length: count }, (_, i) => one(i)));
}

function u32(value: number): Uint8Array {
  return padded(value, 4);
}

function key12(value: number): Uint8Array {
  return padded(value, 12);
}

function value8(value: number): Uint8Array {
  return padded(value, 8);
}

function padded(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u32At(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function prefix(address: number, length: number): Uint8Array {
  const key = padded(length, 8);
  new DataView(key.buffer).setUint32(4, address, false);
  return key;
}
