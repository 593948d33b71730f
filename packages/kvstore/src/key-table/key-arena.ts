/**
 * A record: number of the folder (2 bytes), holders (1), length of the name (1, or 255 and 4 more), the name. Nobody
 * holds it: it is garbage.
 */
const holdersAt = 2;
const lengthAt = 3;
const headBytes = 4;
const longLength = 255;
const longHeadBytes = 8;

const chunkBits = 14;
const chunkBytes = 1 << chunkBits;
const firstChunkBytes = 256;

interface Chunk {
  bytes: Buffer;
  /** Written so far. */
  end: number;
  /** Of records that are held. */
  live: number;
}

/**
 * Names of keys, one byte a character, written one after the other into chunks. What is deleted leaves garbage; when
 * there is more of it than of names, the chunk with most of it is cleared, and what it still had moves to the end.
 */
export class KeyArena {
  readonly #moved: (from: number, to: number) => void;
  readonly #chunks: (Chunk | undefined)[] = [];
  /** Places of chunks that were cleared. */
  readonly #free: number[] = [];
  /** Of the chunk that was cleared last. */
  #spare: Buffer | undefined;
  /** Where is written. */
  #current = -1;
  #live = 0;
  #garbage = 0;

  /** `moved` is told of each record that is somewhere else now. */
  constructor(moved: (from: number, to: number) => void) {
    this.#moved = moved;
  }

  /** Stores `key` from `from` on, held once; returns its address. */
  add(folder: number, key: string, from: number): number {
    const length = key.length - from;
    const head = length < longLength ? headBytes : longHeadBytes;
    const address = this.#room(head + length);
    const { bytes } = this.#at(address);
    let at = address & (chunkBytes - 1);
    bytes.writeUInt16LE(folder, at);
    bytes[at + holdersAt] = 1;
    bytes[at + lengthAt] = Math.min(length, longLength);
    if (head === longHeadBytes) bytes.writeUInt32LE(length, at + headBytes);
    at += head;
    for (let index = from; index < key.length; index++) bytes[at++] = key.charCodeAt(index);
    return address;
  }

  folder(address: number): number {
    return this.#at(address).bytes.readUInt16LE(address & (chunkBytes - 1));
  }

  /** Without its folder. */
  name(address: number): string {
    const { bytes } = this.#at(address);
    const at = address & (chunkBytes - 1);
    return bytes.toString('latin1', at + headOf(bytes, at), at + sizeOf(bytes, at));
  }

  /** Is the name what `key` has from `from` on? */
  is(address: number, key: string, from: number): boolean {
    const { bytes } = this.#at(address);
    const record = address & (chunkBytes - 1);
    let at = record + headOf(bytes, record);
    if (record + sizeOf(bytes, record) - at !== key.length - from) return false;
    for (let index = from; index < key.length; index++) {
      if (bytes[at++] !== (key.charCodeAt(index) & 0xff)) return false;
    }
    return true;
  }

  hold(address: number): void {
    const { bytes } = this.#at(address);
    const at = (address & (chunkBytes - 1)) + holdersAt;
    bytes[at] = (bytes[at] as number) + 1;
  }

  /** True when nobody holds it any more: who knows the address must forget it, and then call `tidy`. */
  release(address: number): boolean {
    const chunk = this.#at(address);
    const at = address & (chunkBytes - 1);
    const holders = (chunk.bytes[at + holdersAt] as number) - 1;
    chunk.bytes[at + holdersAt] = holders;
    if (holders > 0) return false;
    const size = sizeOf(chunk.bytes, at);
    chunk.live -= size;
    this.#live -= size;
    this.#garbage += size;
    return true;
  }

  /** Clears chunks while there is too much garbage. */
  tidy(): void {
    if (this.#live === 0) this.#clear();
    while (this.#garbage > this.#live + chunkBytes) this.#evacuate(this.#mostGarbage());
  }

  #at(address: number): Chunk {
    return this.#chunks[address >>> chunkBits] as Chunk;
  }

  #room(size: number): number {
    const current = this.#chunks[this.#current];
    if (current === undefined || current.end + size > chunkBytes) this.#open(size);
    else if (current.end + size > current.bytes.length) widen(current, size);
    const chunk = this.#chunks[this.#current] as Chunk;
    const address = this.#current * chunkBytes + chunk.end;
    chunk.end += size;
    chunk.live += size;
    this.#live += size;
    return address;
  }

  /** What is larger than a chunk has one of its own size. */
  #open(size: number): void {
    const bytes = this.#chunks.length === 0 && size <= firstChunkBytes ? firstChunkBytes : Math.max(chunkBytes, size);
    const spare = bytes === chunkBytes ? this.#spare : undefined;
    if (spare !== undefined) this.#spare = undefined;
    this.#current = this.#free.pop() ?? this.#chunks.length;
    this.#chunks[this.#current] = { bytes: spare ?? Buffer.allocUnsafeSlow(bytes), end: 0, live: 0 };
  }

  #mostGarbage(): number {
    let found = this.#current;
    let most = 0;
    for (let index = 0; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index];
      if (chunk === undefined || index === this.#current || chunk.end - chunk.live <= most) continue;
      found = index;
      most = chunk.end - chunk.live;
    }
    return found;
  }

  #evacuate(index: number): void {
    const chunk = this.#chunks[index] as Chunk;
    if (index === this.#current) this.#current = -1;
    for (let at = 0; at < chunk.end; at += sizeOf(chunk.bytes, at)) {
      if (chunk.bytes[at + holdersAt] !== 0) this.#move(chunk.bytes, at, index * chunkBytes + at);
    }
    this.#garbage -= chunk.end - chunk.live;
    this.#live -= chunk.live;
    this.#chunks[index] = undefined;
    this.#free.push(index);
    if (chunk.bytes.length === chunkBytes) this.#spare = chunk.bytes;
  }

  #move(bytes: Buffer, at: number, from: number): void {
    const size = sizeOf(bytes, at);
    const to = this.#room(size);
    bytes.copy(this.#at(to).bytes, to & (chunkBytes - 1), at, at + size);
    this.#moved(from, to);
  }

  #clear(): void {
    const [first] = this.#chunks;
    this.#chunks.length = 0;
    this.#free.length = 0;
    this.#current = -1;
    this.#garbage = 0;
    this.#spare = undefined;
    if (first === undefined || first.bytes.length > chunkBytes) return;
    this.#chunks.push({ bytes: first.bytes, end: 0, live: 0 });
    this.#current = 0;
  }
}

function widen(chunk: Chunk, more: number): void {
  let length = chunk.bytes.length;
  while (length < chunk.end + more) length *= 2;
  const wider = Buffer.allocUnsafeSlow(length);
  chunk.bytes.copy(wider, 0, 0, chunk.end);
  chunk.bytes = wider;
}

function headOf(bytes: Buffer, at: number): number {
  return bytes[at + lengthAt] === longLength ? longHeadBytes : headBytes;
}

function sizeOf(bytes: Buffer, at: number): number {
  const length = bytes[at + lengthAt] as number;
  return length === longLength ? longHeadBytes + bytes.readUInt32LE(at + headBytes) : headBytes + length;
}
