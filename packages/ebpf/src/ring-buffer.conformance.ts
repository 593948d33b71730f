/* eslint jest/no-export: off -- a suite for each implementation to call */
import { describe, expect, it } from '@jest/globals';
import type { RingBuffer } from './ring-buffer.ts';

export interface WrittenRing {
  readonly ring: RingBuffer;
  /** Another reader of the same ring, as a process that comes later. */
  readonly reopen: () => RingBuffer;
  /** A record of 16 bytes that begins with this number. False: there was no room. */
  readonly write: (number: number, outcome?: 'submit' | 'discard') => boolean;
}

/** Smaller than a page is no ring. */
export const ringSize = 4096;
export const recordLength = 16;
const recordsInRing = Math.floor(ringSize / (recordLength + 8));

/** What every RingBuffer must do, in the kernel or in memory. */
export function ringBufferConformance(name: string, open: () => WrittenRing): void {
  const read = (ring: RingBuffer, limit = Infinity): readonly number[] => {
    const numbers: number[] = [];
    ring.consume((record) => {
      expect(record).toHaveLength(recordLength);
      numbers.push(new DataView(record.buffer, record.byteOffset).getUint32(0, true));
    }, limit);
    return numbers;
  };

  describe(`ring buffer: ${name}`, () => {
    it('gives records in order, each once', () => {
      const { ring, write } = open();
      for (const number of [14, 15, 16]) write(number);
      expect(read(ring)).toEqual([14, 15, 16]);
      expect(read(ring)).toEqual([]);
    });

    it('gives no more than is wanted, and the rest later', () => {
      const { ring, write } = open();
      for (const number of [14, 15, 16]) write(number);
      expect(read(ring, 2)).toEqual([14, 15]);
      expect(read(ring, 2)).toEqual([16]);
    });

    it('passes over what was discarded', () => {
      const { ring, write } = open();
      write(14);
      write(15, 'discard');
      write(16);
      expect(read(ring)).toEqual([14, 16]);
    });

    it('gives records that go around the end in one piece', () => {
      const { ring, write } = open();
      for (let number = 14; number < 14 + 3 * recordsInRing; number++) {
        expect(write(number)).toBe(true);
        expect(read(ring)).toEqual([number]);
      }
    });

    it('takes nothing when it is full, and again once something was read', () => {
      const { ring, write } = open();
      for (let index = 0; index < recordsInRing; index++) expect(write(14 + index)).toBe(true);
      expect(write(999)).toBe(false);
      expect(read(ring, 1)).toEqual([14]);
      expect(write(1000)).toBe(true);
      expect(read(ring).at(-1)).toBe(1000);
    });

    it('is read on from where the last reader was', () => {
      const { ring, reopen, write } = open();
      for (const number of [14, 15, 16]) write(number);
      read(ring, 2);
      expect(read(reopen())).toEqual([16]);
    });

    it('does not give a record again that its reader failed at', () => {
      const { ring, write } = open();
      for (const number of [14, 15]) write(number);
      const fail = (): void => {
        throw new Error('cannot');
      };
      expect(() => ring.consume(fail, 1)).toThrow('cannot');
      expect(read(ring)).toEqual([15]);
    });
  });
}
