import { expect, it } from '@jest/globals';
import { MemoryRingBuffer } from './memory-ring-buffer.ts';
import { recordLength, ringBufferConformance, ringSize } from './ring-buffer.conformance.ts';

function record(number: number): Uint8Array {
  const bytes = new Uint8Array(recordLength);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

ringBufferConformance('memory', () => {
  const ring = new MemoryRingBuffer(ringSize);
  return {
    ring,
    reopen: () => ring,
    write: (number, outcome = 'submit') => {
      const reserved = ring.reserve(record(number));
      reserved?.[outcome]();
      return reserved !== undefined;
    },
  };
});

it('waits for a record that is being written, and keeps the order', () => {
  const ring = new MemoryRingBuffer(ringSize);
  const slow = ring.reserve(record(1));
  ring.write(record(2));
  const read: (number | undefined)[] = [];
  const visit = (bytes: Uint8Array): unknown => read.push(bytes[0]);
  expect(ring.consume(visit, 10)).toBe(0);
  slow?.submit();
  expect(ring.consume(visit, 10)).toBe(2);
  expect(read).toEqual([1, 2]);
});
