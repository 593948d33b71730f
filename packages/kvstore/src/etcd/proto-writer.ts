const noBytes = Buffer.alloc(0);

/**
 * Writes protobuf's wire format from the back to the front: the length of an embedded message is known once it is
 * written, so that each byte is copied once. Therefore write fields, and the elements of a repeated field, in
 * reverse. Zero and empty are left out, as proto3 has it.
 */
export class ProtoWriter {
  #buffer: Buffer;
  /** Where the written part begins. */
  #at: number;
  /** A large number that was written last, and how: ids of leases come many times in a row. */
  #lastLarge: bigint | undefined;
  #lastLargeBytes: Buffer = noBytes;

  /** A good guess of the size saves copying. */
  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHint);
    this.#at = sizeHint;
  }

  finish(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  bool(field: number, value: boolean): void {
    if (value) this.uint64(field, 1n);
  }

  uint64(field: number, value: bigint | number): void {
    if (value === 0n || value === 0) return;
    if (typeof value === 'bigint') this.#varint64(value);
    else this.#varint(value);
    this.#tag(field, 0);
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
    this.#varint(value.length);
    this.#tag(field, 2);
  }

  latin1(field: number, value: string): void {
    if (value.length === 0) return;
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.write(value, this.#at, 'latin1');
    this.#varint(value.length);
    this.#tag(field, 2);
  }

  /** Also when it is empty: presence says something. */
  message(field: number, write: () => void): void {
    const end = this.beginMessage();
    write();
    this.endMessage(field, end);
  }

  /** What is written until `endMessage`, which wants what this returns, is an embedded message. */
  beginMessage(): number {
    return this.#buffer.length - this.#at;
  }

  endMessage(field: number, end: number): void {
    this.#varint(this.#buffer.length - this.#at - end);
    this.#tag(field, 2);
  }

  #tag(field: number, wireType: number): void {
    this.#varint((field << 3) | wireType);
  }

  /** Up to 2⁵³. */
  #varint(value: number): void {
    const length = varintLength(value);
    this.#reserve(length);
    this.#at -= length;
    let rest = value;
    let at = this.#at;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  #varint64(value: bigint): void {
    if (value !== this.#lastLarge) {
      if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
        this.#varint(Number(value));
        return;
      }
      this.#lastLarge = value;
      this.#lastLargeBytes = varint64(value);
    }
    this.#reserve(this.#lastLargeBytes.length);
    this.#at -= this.#lastLargeBytes.length;
    this.#buffer.set(this.#lastLargeBytes, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at >= count) return;
    const written = this.finish();
    const wider = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, written.length + count));
    this.#at = wider.length - written.length;
    wider.set(written, this.#at);
    this.#buffer = wider;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

function varint64(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
