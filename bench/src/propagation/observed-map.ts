import type { BpfMap } from '@clustermesh/ebpf';

/** Called right after a write of `count` records, back to back, has returned. The bytes are the caller's: copy. */
export type OnWritten = (keys: Uint8Array, values: Uint8Array, count: number) => void;

/** The map itself, with an eye on what is written into it. */
export function observedMap(map: BpfMap, onWritten: OnWritten): BpfMap {
  const { name, type, keySize, valueSize, maxEntries } = map;
  return {
    ...{ name, type, keySize, valueSize, maxEntries },
    lookup: (key) => map.lookup(key),
    update: (key, value) => {
      map.update(key, value);
      onWritten(key, value, 1);
    },
    delete: (key) => map.delete(key),
    updateBatch: (keys, values, count) => {
      map.updateBatch(keys, values, count);
      onWritten(keys, values, count);
    },
    deleteBatch: (keys, count) => map.deleteBatch(keys, count),
    entries: () => map.entries(),
  };
}
