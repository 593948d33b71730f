import { KernelMappedArray, mapFlag, offHeap } from '@clustermesh/ebpf';
import type { KernelMap } from '@clustermesh/ebpf';

import type { RecordTransform } from './abi-steps.ts';

const batchRecords = 1_024;

/** Copies what `from` holds into the new map `to`; of an array, what has room there. */
export function copyMap(from: KernelMap, to: KernelMap, transform: RecordTransform | undefined): void {
  if (transform === undefined && isMapped(from) && isMapped(to)) copyMemory(from, to);
  else copyRecords(from, to, transform);
}

/** Adds what has come into `from` since it was copied. Entries that `to` has by now are newer. */
export function copyMissing(from: KernelMap, to: KernelMap, transform: RecordTransform | undefined): void {
  for (const record of recordsOf(from, to, transform)) to.insert(record.key, record.value);
}

function isMapped({ definition }: KernelMap): boolean {
  return definition.type === 'array' && (definition.flags & mapFlag.mmapable) !== 0;
}

function copyMemory(from: KernelMap, to: KernelMap): void {
  const source = new KernelMappedArray(from.name, from.fd);
  const target = new KernelMappedArray(to.name, to.fd);
  target.bytes.set(source.bytes.subarray(0, target.bytes.length));
  source.close();
  target.close();
}

function copyRecords(from: KernelMap, to: KernelMap, transform: RecordTransform | undefined): void {
  const keys = offHeap(batchRecords * to.keySize);
  const values = offHeap(batchRecords * to.valueSize);
  let count = 0;
  const flush = (): void => {
    to.updateBatch(keys.subarray(0, count * to.keySize), values.subarray(0, count * to.valueSize), count);
    count = 0;
  };
  for (const { key, value } of recordsOf(from, to, transform)) {
    keys.set(key, count * to.keySize);
    values.set(value, count * to.valueSize);
    if (++count === batchRecords) flush();
  }
  if (count > 0) flush();
}

function* recordsOf(
  from: KernelMap,
  to: KernelMap,
  transform: RecordTransform | undefined,
): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
  for (const [key, value] of from.entries()) {
    if (to.type === 'array' && arrayIndex(key) >= to.maxEntries) continue;
    const record = transform === undefined ? { key, value } : transform({ key, value });
    if (record !== undefined) yield record;
  }
}

function arrayIndex(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0, true);
}
