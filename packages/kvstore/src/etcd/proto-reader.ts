/** Wire types of protobuf: https://protobuf.dev/programming-guides/encoding/ */
const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;

/**
 * Reads protobuf's wire format. A decoder asks `next()` for the number of the next field, 0 at the end of the
 * message, and then reads or skips it. Bytes are views of the message, not copies.
 */
export class ProtoReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;
  #wireType = varint;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Where it reads next. */
  get at(): number {
    return this.#at;
  }

  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#varint32();
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  bool(): boolean {
    return this.#varint32() !== 0;
  }

  /** For small numbers: enums, limits. */
  uint32(): number {
    return this.#varint32();
  }

  /** int64 of etcd are never negative where we read them. */
  uint64(): bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= (byte & 0x0f) << 28;
        high = (byte & 0x7f) >>> 4;
      } else high |= (byte & 0x7f) << (shift - 32);
      if (byte < 0x80) return high === 0 ? BigInt(low >>> 0) : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    }
    throw new RangeError('protobuf: varint too long');
  }

  bytes(): Buffer {
    const end = this.#blockEnd();
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  /** Any bytes as a string, one code point a byte. */
  latin1(): string {
    const end = this.#blockEnd();
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end;
    return text;
  }

  utf8(): string {
    return this.bytes().toString('utf8');
  }

  /** An embedded message: `decode` sees its fields only. */
  message<T>(decode: (reader: ProtoReader) => T): T {
    const outer = this.#end;
    this.#end = this.#blockEnd();
    const value = decode(this);
    this.#at = this.#end;
    this.#end = outer;
    return value;
  }

  /** The message whose length stands at `at`: a place where `at` was, before `message`, in a reader of the same bytes. */
  messageAt<T>(at: number, decode: (reader: ProtoReader) => T): T {
    this.#at = at;
    return this.message(decode);
  }

  skip(): void {
    if (this.#wireType === varint) this.skipVarint();
    else if (this.#wireType === fixed64) this.#at += 8;
    else if (this.#wireType === lengthDelimited) this.skipBytes();
    else if (this.#wireType === fixed32) this.#at += 4;
    else throw new RangeError(`protobuf: wire type ${this.#wireType}`);
  }

  /** What `bytes` or `latin1` would read. */
  skipBytes(): void {
    this.#at = this.#blockEnd();
  }

  /** What `uint64` would read. */
  skipVarint(): void {
    for (let length = 1; this.#byte() >= 0x80; length++) {
      if (length === 10) throw new RangeError('protobuf: varint too long');
    }
  }

  #blockEnd(): number {
    const length = this.#varint32();
    const end = this.#at + length;
    if (end > this.#end) throw new RangeError('protobuf: field longer than its message');
    return end;
  }

  #varint32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('protobuf: varint too long');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError('protobuf: message ends in the middle of a field');
    return byte;
  }
}
