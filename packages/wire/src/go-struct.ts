import type { GoType } from './go-json.ts';
import type { JsonReader } from './json-reader.ts';
import { jsonString } from './json-text.ts';

/** Every property of T with its name on the wire and its type, in the order of the wire. */
export type Fields<T> = { readonly [K in keyof T]-?: readonly [jsonName: string, type: GoType<T[K]>] };

interface Field {
  readonly property: string;
  /** The quoted name and its colon, as every writer of the format prints it. */
  readonly literal: string;
  readonly type: GoType<unknown>;
}

/** A Go struct: unknown keys are read over; a known one is found by its exact name, else whatever its case. */
export function struct<T extends object>(declared: Fields<T>): GoType<T> {
  const entries = Object.entries(declared as Readonly<Record<string, readonly [string, GoType<unknown>]>>);
  const fields = entries.map(([property, [name, type]]) => ({ property, literal: `${jsonString(name)}:`, type }));
  const fieldByName = new Map(entries.map(([, [name]], index) => [name, fields[index]]));
  const fieldByFold = new Map([...fieldByName].reverse().map(([name, field]) => [foldCase(name), field]));
  const zero = Object.freeze(Object.fromEntries(entries.map(([property, [, type]]) => [property, type.zero]))) as T;
  const find = (key: string): Field | undefined => fieldByName.get(key) ?? fieldByFold.get(foldCase(key));
  return {
    zero,
    read: (reader, prior) =>
      reader.tryNull() ? prior : (readFields(reader, fields, find, prior === zero ? { ...zero } : prior) as T),
    write: (value) => writeFields(fields, value as Readonly<Record<string, unknown>>),
  };
}

function readFields(
  reader: JsonReader,
  fields: readonly Field[],
  find: (key: string) => Field | undefined,
  into: object,
): object {
  const target = into as Record<string, unknown>;
  let expected = 0; // real writers keep the order: then a key costs one comparison
  for (let more = reader.openObject(); more; more = reader.nextMember()) {
    let field = fields[expected++];
    if (field === undefined || !reader.tryKey(field.literal)) {
      field = find(reader.readKey());
      if (field === undefined) {
        reader.skipValue();
        continue;
      }
      expected = fields.indexOf(field) + 1;
    }
    target[field.property] = field.type.read(reader, target[field.property]);
  }
  return target;
}

function writeFields(fields: readonly Field[], value: Readonly<Record<string, unknown>>): string {
  const members: string[] = [];
  for (const { property, literal, type } of fields) {
    const member = value[property];
    if (type.omits?.(member) !== true) members.push(literal + type.write(member));
  }
  return `{${members.join(',')}}`;
}

/** Go's simple case folding, as far as it reaches ASCII names: only these two letters fold into it from outside. */
function foldCase(name: string): string {
  return name.replace(/[a-z\u017f\u212a]/g, (letter) => (letter === '\u212a' ? 'K' : letter.toUpperCase()));
}
