import { isUtf8 } from 'node:buffer';
import { Malformed } from './malformed.ts';

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;

/** Fields of one protobuf message in order, as far as proto2 strings, bools, 32-bit numbers and messages go. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #wireType = varint;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Number of the next field, 0 at the end. Read or skip its value before asking again. */
  next(): number {
    if (this.#at === this.#bytes.length) return 0;
    const tag = this.#varint();
    this.#wireType = tag & 7;
    return tag >>> 3 || this.#fail('field number 0');
  }

  /** Bits above 32 are dropped, as generated Go code does. */
  uint32(): number {
    this.#expect(varint);
    return this.#varint();
  }

  int32(): number {
    return this.uint32() | 0;
  }

  boolean(): boolean {
    return this.uint32() !== 0;
  }

  bytes(): Uint8Array {
    this.#expect(lengthDelimited);
    const length = this.#varint();
    return this.#take(length);
  }

  string(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes)) return this.#fail('text is not UTF-8');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  }

  skip(): void {
    if (this.#wireType === varint) this.#varint();
    else if (this.#wireType === lengthDelimited) this.bytes();
    else if (this.#wireType === fixed64) this.#take(8);
    else if (this.#wireType === fixed32) this.#take(4);
    else this.#fail('unknown wire type');
  }

  /** The low 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? this.#fail('message cut short');
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.#fail('varint too long');
  }

  #take(length: number): Uint8Array {
    const start = this.#at;
    if (start + length > this.#bytes.length) return this.#fail('message cut short');
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) this.#fail('unexpected wire type');
  }

  #fail(problem: string): never {
    throw new Malformed(`${problem} at offset ${this.#at}`);
  }
}

/** Collects the fields of one message. */
export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];

  uint32(field: number, value: number): this {
    return this.#tag(field, varint).#varint(BigInt(value));
  }

  /** A negative number takes 10 bytes. */
  int32(field: number, value: number): this {
    return this.#tag(field, varint).#varint(BigInt.asUintN(64, BigInt(value)));
  }

  boolean(field: number, value: boolean): this {
    return this.uint32(field, Number(value));
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** A message that was written for itself. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, lengthDelimited).#varint(BigInt(value.length));
    this.#parts.push(value);
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(BigInt(field * 8 + wireType));
  }

  #varint(value: bigint): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }
}
