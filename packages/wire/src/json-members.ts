import { JsonReader } from './json-reader.ts';
import { jsonString } from './json-text.ts';

/** A member of an object: its name, and its value as it stands in the text. */
export type JsonMember = readonly [name: string, raw: string];

/**
 * The members of an object in their order, duplicates too; none of another value. What passes through here unread comes out as
 * it was, numbers that JavaScript cannot hold included. Throws Malformed.
 */
export function jsonMembers(text: string): readonly JsonMember[] {
  const reader = new JsonReader(text);
  if (reader.peek() !== 0x7b) return [];
  const members: JsonMember[] = [];
  let goesOn = reader.openObject();
  while (goesOn) {
    members.push([reader.readKey(), reader.readRaw()]);
    goesOn = reader.nextMember();
  }
  return members;
}

export function jsonOf(members: readonly JsonMember[]): string {
  return `{${members.map(([name, raw]) => `${jsonString(name)}:${raw}`).join(',')}}`;
}
