import { describe, expect, it } from '@jest/globals';

import { seededRandom } from '@clustermesh/runtime';

import { skim } from './skim.ts';
import type { Fields } from './skim.ts';

const skimmed = (text: string, fields: Fields): string => Buffer.from(skim(Buffer.from(text), fields)).toString();

describe('skim', () => {
  it.each<{ name: string; text: string; fields: Fields; want: string }>([
    {
      name: 'what is wanted, whole',
      text: '{"a":{"b":[1,{}]},"c":2}',
      fields: { a: true },
      want: '{"a":{"b":[1,{}]}}',
    },
    { name: 'a part of a part', text: '{"a":{"b":1,"c":2},"b":3}', fields: { a: { c: true } }, want: '{"a":{"c":2}}' },
    { name: 'nothing at all', text: '{"a":1,"b":[2,3]}', fields: {}, want: '{}' },
    {
      name: 'each of a list',
      text: '[{"a":1,"b":2},{"b":3},{"a":4}]',
      fields: { a: true },
      want: '[{"a":1},{},{"a":4}]',
    },
    { name: 'lists that are none', text: '{"items":null}', fields: { items: { a: true } }, want: '{"items":null}' },
    {
      name: 'empty ones',
      text: '{"a":[],"b":{}}',
      fields: { a: { x: true }, b: { x: true } },
      want: '{"a":[],"b":{}}',
    },
    {
      name: 'behind texts that look like ends',
      text: String.raw`{"x":"\"}]\\","y":["{\\"],"a":"\"b\""}`,
      fields: { a: true },
      want: String.raw`{"a":"\"b\""}`,
    },
    { name: 'with blanks anywhere', text: ' { "b" : [ 1 ] ,\n"a" :\t1 } ', fields: { a: true }, want: '{"a":1}' },
    { name: 'other alphabets', text: '{"ä":"ß","a":"日本"}', fields: { a: true }, want: '{"a":"日本"}' },
    {
      name: 'a name written with escapes',
      text: String.raw`{"\u0061":1,"b":2}`,
      fields: { a: true },
      want: String.raw`{"\u0061":1}`,
    },
    { name: 'one name twice', text: '{"a":1,"b":0,"a":2}', fields: { a: true }, want: '{"a":1,"a":2}' },
    {
      name: 'no name of every object',
      text: '{"constructor":1,"__proto__":2,"a":3}',
      fields: { a: true },
      want: '{"a":3}',
    },
  ])('keeps $name', ({ text, fields, want }) => expect(skimmed(text, fields)).toBe(want));

  it.each([
    '',
    ' ',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '[1,]',
    '{"b":"x',
    '{"b":[1}',
    '{a:1}',
    '{"a" 1}',
  ])('hands on what is no JSON: %j', (text) => expect(skimmed(text, { a: true })).toBe(text));

  it('gives what a parser and a look at each member would, whatever the object', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 2_000; round++) {
      const value = anyValue(random.next, 4);
      const fields = anyFields(random.next, 3);
      const text = JSON.stringify(value, undefined, random.next() < 0.2 ? 1 : 0);
      expect(JSON.parse(skimmed(text, fields))).toEqual(picked(value, fields));
    }
  });

  it('ends, and hands on what it got, wherever a text is cut off', () => {
    const text = '{"metadata":{"name":"a\\"b","x":[{"y":[1,"]"]}]},"spec":{"c":[{"d":null}]},"z":-1.5e3}';
    for (let length = 0; length < text.length; length++) {
      const part = text.slice(0, length);
      expect(skimmed(part, { metadata: { name: true }, spec: { c: { d: true } } })).toBe(part);
    }
  });

  it('reads over any depth', () => {
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    expect(skimmed(`{"b":${deep},"a":1}`, { a: true })).toBe('{"a":1}');
    expect(skimmed(deep, { a: true })).toBe(deep);
  });
});

type Next = () => number;
const names = ['a', 'b', 'c', 'd"', 'é', ''];

function pick<T>(next: Next, from: readonly T[]): T | undefined {
  return from[Math.floor(next() * from.length)];
}

function anyValue(next: Next, depth: number): unknown {
  const kind = depth === 0 ? next() * 0.4 : next();
  if (kind < 0.4) return pick(next, [1, -2.5e-7, true, null, '', 'x"y\\', '}]', '日本']);
  const length = Math.floor(next() * 4);
  if (kind < 0.6) return Array.from({ length }, () => anyValue(next, depth - 1));
  return Object.fromEntries(Array.from({ length }, () => [pick(next, names), anyValue(next, depth - 1)]));
}

function anyFields(next: Next, depth: number): Fields {
  const entries = ['a', 'b', 'c'].filter(() => next() < 0.6);
  return Object.fromEntries(
    entries.map((name) => [name, depth === 0 || next() < 0.4 ? true : anyFields(next, depth - 1)]),
  );
}

/** A name with escapes stays. */
function picked(value: unknown, fields: true | Fields): unknown {
  if (fields === true || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.map((each) => (Array.isArray(each) ? (each as unknown[]) : picked(each, fields)));
  const entries = Object.entries(value).flatMap(([name, member]) => {
    const wanted = name.includes('"') ? true : fields[name];
    return wanted === undefined ? [] : [[name, picked(member, wanted)] as const];
  });
  return Object.fromEntries(entries);
}
