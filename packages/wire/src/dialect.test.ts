import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Codec } from './codec.ts';
import { boolean, goJson, map, omitZero, omittedMap, slice, string, uint32, type GoMap } from './go-json.ts';
import { ip, mask } from './go-net.ts';
import { struct } from './go-struct.ts';

/** The three Go types that testdata/vectors/json-dialect.txt was made with, and what Go printed of them. */
interface A {
  readonly labels: GoMap<string>;
  readonly n: number;
  readonly s: { readonly x: boolean; readonly y: number };
  readonly l: readonly string[] | null;
}
const a = goJson(
  struct<A>({
    labels: ['labels', omittedMap(string)],
    n: ['n', uint32],
    s: ['s', struct<A['s']>({ x: ['x', omitZero(boolean)], y: ['y', omitZero(uint32)] })],
    l: ['l', slice(string)],
  }),
);

interface B {
  readonly labels: GoMap<string> | null;
  readonly labels2: GoMap<string> | null;
}
const b = goJson(struct<B>({ labels: ['labels', map(string)], labels2: ['Labels', map(string)] }));

interface C {
  readonly ip: string;
  readonly mask: Uint8Array | null;
}
const c = goJson(struct<C>({ ip: ['IP', ip], mask: ['Mask', mask] }));

const lines = readFileSync(new URL('../testdata/vectors/json-dialect.txt', import.meta.url), 'utf8').split('\n');
const cases = lines.flatMap((line) => {
  const [, type = '', input = '', output = '', error] = /^([ABC]) (.*) -> (.*) err=(.*)$/.exec(line) ?? [];
  return error === undefined ? [] : [{ type, input, output, isAccepted: error === '<nil>' }];
});
const ofType = (type: string): typeof cases => cases.filter((each) => each.type === type);

function again<T>(codec: Codec<T>, text: string): string {
  const result = codec.decode(Buffer.from(text));
  return result.ok ? Buffer.from(codec.encode(result.value)).toString() : 'refused';
}

describe('JSON as Go reads and writes it', () => {
  it.each(ofType('A'))('$input', ({ input, output, isAccepted }) => {
    expect(again(a, input)).toBe(isAccepted ? output : 'refused');
  });

  it.each(ofType('B'))('an exact name wins over a case-insensitive one: $input', ({ input, output }) => {
    const result = b.decode(Buffer.from(input));
    const { labels, labels2 } = (result as { value: B }).value;
    const print = (labelMap: GoMap<string> | null): string =>
      `map[${Object.entries(labelMap ?? {})
        .map((entry) => entry.join(':'))
        .join(' ')}]`;
    expect(`{Labels:${print(labels)} Labels2:${print(labels2)}}`).toBe(output);
  });

  it.each(ofType('C'))('addresses and masks: $input', ({ input, output, isAccepted }) => {
    expect(again(c, JSON.parse(input) as string)).toBe(isAccepted ? output : 'refused');
  });

  it('escapes what Go escapes', () => {
    const line = lines.find((each) => each.startsWith('enc ')) ?? '';
    const expected = line.slice('enc '.length);
    const k = `${(JSON.parse(expected.replace(String.raw`\ufffd`, '')) as { k: string }).k}\ud800`;
    const codec = goJson(struct<{ readonly k: string }>({ k: ['k', string] }));
    expect(Buffer.from(codec.encode({ k })).toString()).toBe(expected);
  });

  it('covers every line of the file', () => {
    expect(cases.length + 1).toBe(lines.filter((line) => line !== '').length);
  });
});
