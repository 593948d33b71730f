import type { Codec } from './codec.ts';
import type { GoMap } from './go-json.ts';
import { compareUtf8 } from './go-text.ts';
import { attempt } from './malformed.ts';
import { ProtoReader, ProtoWriter } from './proto-wire.ts';

/** A proto2 field type as generated Go code reads and writes it; reading gets the value so far. */
export interface ProtoType<T> {
  /** Before anything is read. Shared and frozen. */
  readonly zero: T;
  readonly read: (reader: ProtoReader, prior: T) => T;
  /** Writes all that the value needs, which for a list is a field per element. */
  readonly write: (writer: ProtoWriter, field: number, value: T) => void;
}

/** A whole message, not framed. */
export function protoCodec<T>(type: MessageType<T>): Codec<T> {
  return {
    encode: (value) => type.encode(value),
    decode: (bytes) => attempt(() => type.decode(bytes)),
  };
}

export const string: ProtoType<string> = {
  zero: '',
  read: (reader) => reader.string(),
  write: (writer, field, value) => writer.string(field, value),
};

export const uint32: ProtoType<number> = {
  zero: 0,
  read: (reader) => reader.uint32(),
  write: (writer, field, value) => writer.uint32(field, value),
};

export const int32: ProtoType<number> = {
  zero: 0,
  read: (reader) => reader.int32(),
  write: (writer, field, value) => writer.int32(field, value),
};

export const boolean: ProtoType<boolean> = {
  zero: false,
  read: (reader) => reader.boolean(),
  write: (writer, field, value) => writer.uint32(field, Number(value)),
};

/** Written when set, also when it is '', 0 or false. */
export function optional<T>(type: ProtoType<T>): ProtoType<T | undefined> {
  return {
    zero: undefined,
    read: (reader, prior) => type.read(reader, prior ?? type.zero),
    write: (writer, field, value) => value !== undefined && type.write(writer, field, value),
  };
}

export function repeated<T>(element: ProtoType<T>): ProtoType<readonly T[]> {
  const zero: readonly T[] = Object.freeze([]);
  return {
    zero,
    read(reader, prior) {
      const values = prior === zero ? [] : (prior as T[]);
      values.push(element.read(reader, element.zero));
      return values;
    },
    write: (writer, field, values) => values.forEach((value) => element.write(writer, field, value)),
  };
}

/** A message type also stands alone, as the outermost one. */
export interface MessageType<T> extends ProtoType<T> {
  readonly encode: (value: T) => Uint8Array;
  /** Throws Malformed. */
  readonly decode: (bytes: Uint8Array) => T;
}

export type MessageFields<T> = { readonly [K in keyof T]-?: readonly [number: number, type: ProtoType<T[K]>] };

type Properties = Record<string, unknown>;

/** Properties with their field numbers, ascending. Unknown fields are read over; a repeated message is merged. */
export function message<T extends object>(declared: MessageFields<T>): MessageType<T> {
  const fields = Object.entries(declared as Readonly<Record<string, readonly [number, ProtoType<unknown>]>>);
  const fieldByNumber = new Map(fields.map(([property, [number, type]]) => [number, { property, type }]));
  const zero = Object.freeze(Object.fromEntries(fields.map(([property, [, type]]) => [property, type.zero]))) as T;

  const decode = (bytes: Uint8Array, prior: T): T => {
    const reader = new ProtoReader(bytes);
    const target: Properties = { ...(prior as Properties) };
    for (let number = reader.next(); number !== 0; number = reader.next()) {
      const field = fieldByNumber.get(number);
      if (field === undefined) reader.skip();
      else target[field.property] = field.type.read(reader, target[field.property]);
    }
    return target as T;
  };
  const encode = (value: T): Uint8Array => {
    const writer = new ProtoWriter();
    for (const [property, [number, type]] of fields) type.write(writer, number, (value as Properties)[property]);
    return writer.finish();
  };
  return {
    zero,
    encode,
    decode: (bytes) => decode(bytes, zero),
    read: (reader, prior) => decode(reader.bytes(), prior),
    write: (writer, field, value) => writer.bytes(field, encode(value)),
  };
}

const entry = message<{ readonly key: string; readonly value: string }>({ key: [1, string], value: [2, string] });

/** map<string, string>: sorted by key, absent when empty. No prototype: `__proto__` is a key like any other. */
export const stringMap: ProtoType<GoMap<string>> = {
  zero: Object.freeze(Object.create(null) as Record<string, string>),
  read(reader, prior) {
    const { key, value } = entry.read(reader, entry.zero);
    const members = (prior === stringMap.zero ? Object.create(null) : prior) as Record<string, string>;
    members[key] = value;
    return members;
  },
  write(writer, field, members) {
    for (const key of Object.keys(members).sort(compareUtf8)) {
      entry.write(writer, field, { key, value: members[key] ?? '' });
    }
  },
};
