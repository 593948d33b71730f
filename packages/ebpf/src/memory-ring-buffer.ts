import { MappedRingBuffer, ringRecord, ringRecordSize } from './ring-buffer.ts';
import type { RingBuffer } from './ring-buffer.ts';

/** A record that is reserved, as a program has it before it submits. */
export interface ReservedRecord {
  submit(): void;
  discard(): void;
}

/** A ring in plain memory, with the part of the programs. */
export class MemoryRingBuffer implements RingBuffer {
  readonly #size: number;
  readonly #consumer = new BigInt64Array(1);
  readonly #producer = new BigInt64Array(1);
  readonly #data: Uint8Array;
  readonly #reader: MappedRingBuffer;

  /** @param size of the ring in bytes: a power of two */
  constructor(size: number) {
    this.#size = size;
    this.#data = new Uint8Array(2 * size);
    this.#reader = new MappedRingBuffer({
      consumer: new Uint8Array(this.#consumer.buffer),
      producer: new Uint8Array(this.#producer.buffer),
      data: this.#data,
    });
  }

  consume(visit: (record: Uint8Array) => void, limit: number): number {
    return this.#reader.consume(visit, limit);
  }

  /** False when there is no room: the record is lost, as in the kernel. */
  write(record: Uint8Array): boolean {
    const reserved = this.reserve(record);
    reserved?.submit();
    return reserved !== undefined;
  }

  reserve(record: Uint8Array): ReservedRecord | undefined {
    const at = Number(this.#producer[0]);
    const end = at + ringRecordSize(record.length);
    if (end - Number(this.#consumer[0]) > this.#size) return undefined;
    const offset = at % this.#size;
    const setHeader = (bits: number): void => this.#write(offset, headerBytes(bits | record.length));
    setHeader(ringRecord.busy);
    this.#write(offset + ringRecord.headerSize, record);
    this.#producer[0] = BigInt(end);
    return { submit: () => setHeader(0), discard: () => setHeader(ringRecord.discarded) };
  }

  /** What lies in one half of the memory lies in the other one too. */
  #write(offset: number, bytes: Uint8Array): void {
    for (const [index, byte] of bytes.entries()) {
      const at = (offset + index) % this.#size;
      this.#data[at] = byte;
      this.#data[at + this.#size] = byte;
    }
  }
}

function headerBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}
