import type { KvEvent } from '../kv-store.ts';
import { noBytes, noHeader, readHeader } from './messages.ts';
import type { Header } from './messages.ts';
import { ProtoReader } from './proto-reader.ts';

/**
 * A page of a listing, which is checked as a whole and read part by part: objects for a few hundred entries at a time are
 * gone before the collector has to move them. Values are views of the message.
 */
export class ListedPage {
  readonly header: Header;
  readonly more: boolean;
  readonly #bytes: Buffer;
  /** Where each entry begins. */
  readonly #starts: readonly number[];

  constructor(bytes: Buffer, header: Header, more: boolean, starts: readonly number[]) {
    this.#bytes = bytes;
    this.header = header;
    this.more = more;
    this.#starts = starts;
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Of the whole message. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Undefined when there is none. */
  get lastKey(): string | undefined {
    return this.puts(this.count - 1, this.count)[0]?.key;
  }

  puts(from: number, to: number): KvEvent[] {
    const reader = new ProtoReader(this.#bytes);
    return this.#starts.slice(Math.max(0, from), to).map((start) => reader.messageAt(start, readPut));
  }
}

/** A RangeResponse. */
export function decodePage(bytes: Buffer): ListedPage {
  const reader = new ProtoReader(bytes);
  const starts: number[] = [];
  let header = noHeader;
  let more = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader);
    else if (field === 2) {
      starts.push(reader.at);
      reader.message(checkEntry);
    } else if (field === 3) more = reader.bool();
    else reader.skip();
  }
  return new ListedPage(bytes, header, more, starts);
}

/** Reads what `readPut` reads, and keeps nothing. */
function checkEntry(reader: ProtoReader): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 || field === 5) reader.skipBytes();
    else if (field === 3) reader.skipVarint();
    else reader.skip();
  }
}

function readPut(reader: ProtoReader): KvEvent {
  let key = '';
  let modRevision = 0n;
  let value: Buffer | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.latin1();
    else if (field === 3) modRevision = reader.uint64();
    else if (field === 5) value = reader.bytes();
    else reader.skip();
  }
  return { kind: 'put', key, value: value ?? noBytes, modRevision };
}
