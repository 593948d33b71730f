import type { Codec } from './codec.ts';
import { goText } from './go-text.ts';
import { JsonReader } from './json-reader.ts';
import { jsonObject, jsonString } from './json-text.ts';
import { attempt } from './malformed.ts';

/**
 * A Go type as encoding/json sees it (protocol.md §2.1). Reading gets the value so far, because Go applies every
 * occurrence of a key in order: scalars are replaced, objects and maps merged, `null` empties or leaves alone.
 */
export interface GoType<T> {
  /** What Go has before it reads anything. Shared and frozen: a reader copies it before it writes into it. */
  readonly zero: T;
  readonly read: (reader: JsonReader, prior: T) => T;
  readonly write: (value: T) => string;
  /** Go's `omitempty`: is this member left out? */
  readonly omits?: (value: T) => boolean;
}

/** The codec of a whole value: one JSON text, nothing behind it. */
export function goJson<T>(type: GoType<T>): Codec<T> {
  return {
    // Small ones share a block of memory: by the ten thousand, blocks of their own are what the collector is busy with.
    encode: (value) => Buffer.from(type.write(value)),
    decode: (bytes) =>
      attempt(() => {
        const reader = new JsonReader(goText(bytes));
        const value = type.read(reader, type.zero);
        reader.end();
        return value;
      }),
  };
}

function scalar<T>(zero: T, read: (reader: JsonReader) => T, write: (value: T) => string): GoType<T> {
  return { zero, read: (reader, prior) => (reader.tryNull() ? prior : read(reader)), write };
}

export const string: GoType<string> = scalar('', (reader) => reader.readString(), jsonString);

export const boolean: GoType<boolean> = scalar(false, (reader) => reader.readBoolean(), String);

function integer(min: number, max: number): GoType<number> {
  return scalar(0, (reader) => reader.readInteger(min, max), String);
}

export const uint8: GoType<number> = integer(0, 0xff);
export const uint16: GoType<number> = integer(0, 0xffff);
export const uint32: GoType<number> = integer(0, 0xffff_ffff);
export const int32: GoType<number> = integer(-0x8000_0000, 0x7fff_ffff);

/** Left out when it is Go's zero value. */
export function omitZero<T>(type: GoType<T>): GoType<T> {
  return { ...type, omits: (value) => value === type.zero };
}

/** The same type under a branded name: the number or text is what the brand says, or validation refuses it later. */
export function branded<B extends T, T>(type: GoType<T>): GoType<B> {
  return type as GoType<unknown> as GoType<B>;
}

/** A pointer that is written as `null` when nil. */
export function nullable<T>(type: GoType<T>): GoType<T | null> {
  return {
    zero: null,
    read: (reader, prior) => (reader.tryNull() ? null : type.read(reader, prior ?? type.zero)),
    write: (value) => (value === null ? 'null' : type.write(value)),
  };
}

/** A pointer that is left out when nil. */
export function optional<T>(type: GoType<T>): GoType<T | undefined> {
  return {
    zero: undefined,
    read: (reader, prior) => (reader.tryNull() ? undefined : type.read(reader, prior ?? type.zero)),
    write: (value) => (value === undefined ? 'null' : type.write(value)),
    omits: (value) => value === undefined,
  };
}

/** A pointer that Go would take as nil and then follow into a crash: refused instead. */
export function required<T>(type: GoType<T>): GoType<T> {
  return {
    ...type,
    read: (reader, prior) => (reader.tryNull() ? reader.fail('null is not allowed') : type.read(reader, prior)),
  };
}

/** `null` when nil. */
export function slice<T>(element: GoType<T>): GoType<readonly T[] | null> {
  return {
    zero: null,
    read: (reader, prior) => (reader.tryNull() ? null : readElements(reader, element, prior ?? [])),
    write: (value) => (value === null ? 'null' : writeElements(value, element)),
  };
}

/** Left out when empty. */
export function omittedSlice<T>(element: GoType<T>): GoType<readonly T[]> {
  const zero: readonly T[] = Object.freeze([]);
  return {
    zero,
    read: (reader, prior) => (reader.tryNull() ? zero : readElements(reader, element, prior)),
    write: (value) => writeElements(value, element),
    omits: (value) => value.length === 0,
  };
}

/** An occurrence replaces the one before, but Go reads its elements over those that were there: what they lack stays. */
function readElements<T>(reader: JsonReader, element: GoType<T>, prior: readonly T[]): T[] {
  const values: T[] = [];
  for (let more = reader.openArray(); more; more = reader.nextElement()) {
    values.push(element.read(reader, prior[values.length] ?? element.zero));
  }
  return values;
}

function writeElements<T>(values: readonly T[], element: GoType<T>): string {
  return `[${values.map((value) => element.write(value)).join(',')}]`;
}

/** A Go map. Decoded ones have no prototype: a key named `__proto__` is a key like any other. */
export type GoMap<T> = Readonly<Record<string, T>>;

/** `null` when nil, and nil when absent. */
export function map<T>(element: GoType<T>): GoType<GoMap<T> | null> {
  return {
    zero: null,
    read: (reader, prior) => (reader.tryNull() ? null : readMembers(reader, element, prior)),
    write: (value) => (value === null ? 'null' : jsonObject(value, element.write)),
  };
}

/** Made before decoding by the peers' constructor: absent is empty, `null` still nil. */
export function presetMap<T>(element: GoType<T>): GoType<GoMap<T> | null> {
  return { ...map(element), zero: noMembers };
}

/** Left out when empty. */
export function omittedMap<T>(element: GoType<T>): GoType<GoMap<T>> {
  return {
    zero: noMembers,
    read: (reader, prior) => (reader.tryNull() ? noMembers : readMembers(reader, element, prior)),
    write: (value) => jsonObject(value, element.write),
    omits: (value) => Object.keys(value).length === 0,
  };
}

const noMembers: GoMap<never> = Object.freeze(Object.create(null) as Record<string, never>);

function readMembers<T>(reader: JsonReader, element: GoType<T>, prior: GoMap<T> | null): GoMap<T> {
  const members: Record<string, T> =
    prior === null || prior === noMembers ? (Object.create(null) as Record<string, T>) : prior;
  for (let more = reader.openObject(); more; more = reader.nextMember()) {
    members[reader.readKey()] = element.read(reader, element.zero);
  }
  return members;
}
