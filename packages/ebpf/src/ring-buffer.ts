/** What programs tell, oldest first. The position is in the map: who comes later goes on where the last reader was. */
export interface RingBuffer {
  /**
   * Gives up to `limit` records, whose bytes are valid during the call of `visit` only, and returns how many. One reader
   * at a time.
   */
  consume(visit: (record: Uint8Array) => void, limit: number): number;
}

/** The memory of a BPF ring buffer, as linux/bpf.h describes it. Positions only grow; all offsets are multiples of 8. */
export interface RingMemory {
  /** The reader's page: its position. */
  readonly consumer: Uint8Array;
  /** The writers' page: their position. */
  readonly producer: Uint8Array;
  /** The records, mapped twice in a row, so that one that goes around the end is in one piece. */
  readonly data: Uint8Array;
}

/** The first word of a record is its length, with these bits. */
export const ringRecord = { headerSize: 8, busy: 0x8000_0000, discarded: 0x4000_0000 } as const;
const lengthMask = 0x3fff_ffff;

/** How much of the ring a record of so many bytes takes. */
export function ringRecordSize(length: number): number {
  return (length + ringRecord.headerSize + 7) & ~7;
}

/** Reads a ring without system calls. */
export class MappedRingBuffer implements RingBuffer {
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #data: Uint8Array;
  readonly #words: Int32Array;
  readonly #size: number;

  constructor({ consumer, producer, data }: RingMemory) {
    this.#consumer = new BigInt64Array(consumer.buffer, consumer.byteOffset, 1);
    this.#producer = new BigInt64Array(producer.buffer, producer.byteOffset, 1);
    this.#data = data;
    this.#words = new Int32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
    this.#size = data.byteLength / 2;
  }

  consume(visit: (record: Uint8Array) => void, limit: number): number {
    const end = Number(Atomics.load(this.#producer, 0));
    let at = Number(Atomics.load(this.#consumer, 0));
    let given = 0;
    while (at < end && given < limit) {
      const offset = at % this.#size;
      const header = Atomics.load(this.#words, offset >> 2);
      // Records behind one that is being written wait for it: order is kept.
      if ((header & ringRecord.busy) !== 0) break;
      const length = header & lengthMask;
      const start = offset + ringRecord.headerSize;
      at += ringRecordSize(length);
      try {
        if ((header & ringRecord.discarded) === 0) {
          given++;
          visit(this.#data.subarray(start, start + length));
        }
      } finally {
        // Only now may the place be written again.
        Atomics.store(this.#consumer, 0, BigInt(at));
      }
    }
    return given;
  }
}
