import { describe, expect, it } from '@jest/globals';
import { bpfMapConformance } from './bpf-map.conformance.ts';
import { MemoryMap, memoryMappedArray, type MemoryMapDefinition } from './memory-map.ts';
import { roundUpTo8 } from './percpu.ts';

bpfMapConformance('memory', {
  open: (definition) => {
    const valueSize = definition.type === 'percpu_hash' ? 2 * roundUpTo8(definition.valueSize) : definition.valueSize;
    return new MemoryMap({ ...(definition as Omit<MemoryMapDefinition, 'name'>), name: 'test', valueSize });
  },
  openMapped: (valueSize, maxEntries) => memoryMappedArray('test', valueSize, maxEntries),
});

describe('memory: lru hash', () => {
  it('gives up the entry that was not used for longest', () => {
    const map = new MemoryMap({ name: 'test', type: 'lru_hash', keySize: 1, valueSize: 1, maxEntries: 2 });
    map.update(Uint8Array.of(1), Uint8Array.of(1));
    map.update(Uint8Array.of(2), Uint8Array.of(2));
    map.lookup(Uint8Array.of(1));
    map.update(Uint8Array.of(3), Uint8Array.of(3));
    expect([1, 2, 3].map((key) => map.lookup(Uint8Array.of(key))?.[0])).toEqual([1, undefined, 3]);
  });
});
