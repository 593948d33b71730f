import { compareUtf8 } from './go-text.ts';

const special = /["\\<>&\u0000-\u001f\u2028\u2029\p{Surrogate}]/gu;

const short = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A JSON string as Go's encoder writes it with HTML escaping on; half a surrogate pair is what invalid UTF-8 is there. */
export function jsonString(text: string): string {
  return `"${text.replace(special, (unit) => short.get(unit) ?? longEscape(unit))}"`;
}

/** `write` of every own member, keys sorted by their bytes. */
export function jsonObject<T>(members: Readonly<Record<string, T>>, write: (value: T) => string): string {
  const parts = Object.entries(members)
    .sort(([left], [right]) => compareUtf8(left, right))
    .map(([key, value]) => `${jsonString(key)}:${write(value)}`);
  return `{${parts.join(',')}}`;
}

function longEscape(unit: string): string {
  const code = unit.charCodeAt(0);
  return `\\u${(code >= 0xd800 && code <= 0xdfff ? 0xfffd : code).toString(16).padStart(4, '0')}`;
}
