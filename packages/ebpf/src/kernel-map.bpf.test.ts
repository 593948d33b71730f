import { afterEach, describe, expect, it } from '@jest/globals';
import { bpfMapConformance } from './bpf-map.conformance.ts';
import { KernelMap } from './kernel-map.ts';
import { mapFlag } from './map-definition.ts';
import { KernelMappedArray } from './mapped-array.ts';
import { probeKernel } from './probe.ts';

const probe = probeKernel();
const suite = probe.usable ? describe : describe.skip;
const opened: { close(): void }[] = [];

function keep<T extends { close(): void }>(resource: T): T {
  opened.push(resource);
  return resource;
}

suite(`in the kernel (missing here: ${probe.missing.join(', ') || 'nothing'})`, () => {
  afterEach(() => {
    for (const resource of opened.splice(0).reverse()) resource.close();
  });

  bpfMapConformance('kernel', {
    open: (definition) => keep(KernelMap.create('test', definition)),
    openMapped: (valueSize, maxEntries) => {
      const flags = mapFlag.mmapable;
      const map = keep(KernelMap.create('test', { type: 'array', keySize: 4, valueSize, maxEntries, flags }));
      return keep(new KernelMappedArray('test', map.fd));
    },
  });

  it('inserts a key once, and updates as ever afterwards', () => {
    const map = keep(KernelMap.create('test', { type: 'lru_hash', keySize: 4, valueSize: 4, maxEntries: 8, flags: 0 }));
    const key = new Uint8Array(4);
    expect(map.insert(key, Uint8Array.of(1, 0, 0, 0))).toBe(true);
    expect(map.insert(key, Uint8Array.of(2, 0, 0, 0))).toBe(false);
    expect(map.lookup(key)).toEqual(Uint8Array.of(1, 0, 0, 0));
    map.update(key, Uint8Array.of(3, 0, 0, 0));
    expect(map.lookup(key)).toEqual(Uint8Array.of(3, 0, 0, 0));
  });

  describe('a mapped array', () => {
    const definition = { type: 'array', keySize: 4, valueSize: 12, maxEntries: 3, flags: mapFlag.mmapable } as const;

    it('is the memory of the map', () => {
      const map = keep(KernelMap.create('test', definition));
      const mapped = keep(new KernelMappedArray('test', map.fd));
      mapped.bytes.set([1, 2, 3], 16);
      expect(map.lookup(Uint8Array.of(1, 0, 0, 0))).toEqual(Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    });

    it('is empty after close, so that a late access is harmless', () => {
      const map = keep(KernelMap.create('test', definition));
      const mapped = new KernelMappedArray('test', map.fd);
      mapped.close();
      mapped.close();
      expect(mapped.bytes).toHaveLength(0);
    });

    it('needs a map made for it', () => {
      const map = keep(KernelMap.create('test', { ...definition, flags: 0 }));
      expect(() => new KernelMappedArray('test', map.fd)).toThrow(expect.objectContaining({ code: 'BPF_UNSUPPORTED' }));
    });
  });
});
