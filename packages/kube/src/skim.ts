import { Scratch } from './scratch.ts';

/**
 * Which members of an object are wanted: all that is in one (`true`), or some of it. Lists of objects are meant by what is
 * wanted of each.
 */
export interface Fields {
  readonly [name: string]: true | Fields;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const lastSpace = 0x20;

const scratch = new Scratch();

/**
 * A JSON text without the members that nobody wants: what others wrote into an object is often nine tenths of it, and costs
 * five times less to be read over than to be parsed. What is left out is not looked at closer than to find its end; a text
 * that is no JSON as far as it was read comes back as it is, for the parser to refuse. Good until the next call.
 */
export function skim(json: Uint8Array, fields: Fields): Uint8Array {
  const skimmer = new Skimmer(json);
  try {
    skimmer.value(0, membersOf(fields));
    return skimmer.result();
  } catch (error) {
    if (error instanceof Malformed) return json;
    throw error;
  }
}

export function textOf(json: Uint8Array): string {
  return Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8');
}

/** A name as it stands in the text, with its quotes. */
interface Member {
  readonly name: Uint8Array;
  readonly wanted: true | readonly Member[];
}

const membersByFields = new WeakMap<Fields, readonly Member[]>();

function membersOf(fields: Fields): readonly Member[] {
  const known = membersByFields.get(fields);
  if (known !== undefined) return known;
  const members = Object.entries(fields).map(([name, wanted]): Member => ({
    name: Buffer.from(JSON.stringify(name)),
    wanted: wanted === true ? true : membersOf(wanted),
  }));
  membersByFields.set(fields, members);
  return members;
}

class Malformed extends Error {}

/** Methods take where something begins and return where it has ended. */
class Skimmer {
  readonly #json: Uint8Array;
  readonly #out: Uint8Array;
  #length = 0;

  constructor(json: Uint8Array) {
    this.#json = json;
    this.#out = scratch.take(json.length);
  }

  result(): Uint8Array {
    return this.#out.subarray(0, this.#length);
  }

  value(start: number, members: true | readonly Member[]): number {
    const at = spaceEnd(this.#json, start);
    const first = this.#json[at];
    if (members !== true && first === openBrace) return this.#object(at, members);
    if (members !== true && first === openBracket) return this.#array(at, members);
    const end = valueEnd(this.#json, at);
    this.#keep(at, end);
    return end;
  }

  #object(start: number, members: readonly Member[]): number {
    const json = this.#json;
    this.#write(openBrace);
    let at = spaceEnd(json, start + 1);
    let isFirst = true;
    while (json[at] !== closeBrace) {
      const nameEnd = stringEnd(json, at);
      const valueStart = after(json, colon, nameEnd);
      const wanted = this.#wanted(at, nameEnd, members);
      if (wanted === undefined) {
        at = valueEnd(json, spaceEnd(json, valueStart));
      } else {
        if (!isFirst) this.#write(comma);
        isFirst = false;
        this.#keep(at, nameEnd);
        this.#write(colon);
        at = this.value(valueStart, wanted);
      }
      at = nextMember(json, at, closeBrace);
    }
    this.#write(closeBrace);
    return at + 1;
  }

  #array(start: number, members: readonly Member[]): number {
    const json = this.#json;
    this.#write(openBracket);
    let at = spaceEnd(json, start + 1);
    let isFirst = true;
    while (json[at] !== closeBracket) {
      if (!isFirst) this.#write(comma);
      isFirst = false;
      // Lists of lists are not known to the API: one stays as it is, however deep.
      at = nextMember(json, this.value(at, json[at] === openBracket ? true : members), closeBracket);
    }
    this.#write(closeBracket);
    return at + 1;
  }

  /** Of the member whose name, with its quotes, is there. A name that is written with escapes may be any: it stays. */
  #wanted(start: number, end: number, members: readonly Member[]): true | readonly Member[] | undefined {
    for (const { name, wanted } of members) if (this.#isThere(name, start, end)) return wanted;
    return this.#json.subarray(start, end).includes(backslash) ? true : undefined;
  }

  #isThere(name: Uint8Array, start: number, end: number): boolean {
    if (name.length !== end - start) return false;
    for (let at = 0; at < name.length; at++) if (this.#json[start + at] !== name[at]) return false;
    return true;
  }

  #write(byte: number): void {
    this.#out[this.#length++] = byte;
  }

  #keep(start: number, end: number): void {
    this.#out.set(this.#json.subarray(start, end), this.#length);
    this.#length += end - start;
  }
}

/** Behind the comma, or at `close`. */
function nextMember(json: Uint8Array, start: number, close: number): number {
  const at = spaceEnd(json, start);
  if (json[at] === close) return at;
  const next = after(json, comma, at);
  const following = spaceEnd(json, next);
  if (json[following] === close) throw new Malformed();
  return following;
}

function after(json: Uint8Array, byte: number, start: number): number {
  const at = spaceEnd(json, start);
  if (json[at] !== byte) throw new Malformed();
  return at + 1;
}

function spaceEnd(json: Uint8Array, start: number): number {
  let at = start;
  while (at < json.length && (json[at] as number) <= lastSpace) at++;
  return at;
}

function stringEnd(json: Uint8Array, start: number): number {
  if (json[start] !== quote) throw new Malformed();
  for (let at = start + 1; at < json.length; at++) {
    const byte = json[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at++;
  }
  throw new Malformed();
}

/** Brackets are counted, whichever they are. Nearly all time is spent here. */
function valueEnd(json: Uint8Array, start: number): number {
  const first = json[start];
  if (first === quote) return stringEnd(json, start);
  if (first !== openBrace && first !== openBracket) return scalarEnd(json, start);
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const byte = json[at];
    if (byte === quote) at = stringEnd(json, at) - 1;
    else if (byte === openBrace || byte === openBracket) depth++;
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at + 1;
  }
  throw new Malformed();
}

function scalarEnd(json: Uint8Array, start: number): number {
  let at = start;
  for (; at < json.length; at++) {
    const byte = json[at] as number;
    if (byte === comma || byte === closeBrace || byte === closeBracket || byte <= lastSpace) break;
  }
  if (at === start) throw new Malformed();
  return at;
}
