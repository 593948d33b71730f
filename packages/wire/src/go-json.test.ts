import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Codec } from './codec.ts';
import { goJson, int32, map, nullable, omittedMap, slice, string, uint8, type GoMap } from './go-json.ts';
import { struct } from './go-struct.ts';

interface Sample {
  readonly name: string;
  readonly small: number;
  readonly signed: number;
  readonly members: GoMap<string> | null;
  readonly omitted: GoMap<string>;
  readonly nested: { readonly a: string; readonly b: string } | null;
  readonly list: readonly (GoMap<string> | null)[] | null;
}

const codec: Codec<Sample> = goJson(
  struct<Sample>({
    name: ['name', string],
    small: ['small', uint8],
    signed: ['signed', int32],
    members: ['members', map(string)],
    omitted: ['omitted', omittedMap(string)],
    nested: [
      'nested',
      nullable(struct<{ readonly a: string; readonly b: string }>({ a: ['a', string], b: ['b', string] })),
    ],
    list: ['list', slice(map(string))],
  }),
);

const zero: Sample = { name: '', small: 0, signed: 0, members: null, omitted: {}, nested: null, list: null };
const decode = (text: string): unknown => {
  const result = codec.decode(Buffer.from(text));
  return result.ok ? result.value : result.reason;
};

describe('a declared struct', () => {
  it.each<[string, string, Partial<Sample>]>([
    ['nothing is all zero', '{}', {}],
    ['null at the top is all zero', 'null', {}],
    ['any order of keys', '{"small":1,"name":"n"}', { name: 'n', small: 1 }],
    ['keys whatever their case', '{"NAME":"n","ſmall":1}', { name: 'n', small: 1 }],
    ['keys with escapes', String.raw`{"n\u0061me":"n"}`, { name: 'n' }],
    ['white space anywhere', ' {\t"name" :\r\n"n" , "small" : 1 } ', { name: 'n', small: 1 }],
    ['unknown keys with any value', '{"x":{"a":[1,{"b":null},true,-1.5e+3,"s",[],{}]},"name":"n"}', { name: 'n' }],
    ['a pointed-to struct is merged', '{"nested":{"a":"1"},"nested":{"b":"2"}}', { nested: { a: '1', b: '2' } }],
    ['null clears a pointer', '{"nested":{"a":"1"},"nested":null}', { nested: null }],
    ['a map is not merged into one of another key', '{"list":[{"a":"1"},null,{}]}', { list: [{ a: '1' }, null, {}] }],
    [
      'a second list is read over the first one, element by element',
      '{"list":[{"a":"1"},{"b":"2"},{"c":"3"}],"list":[{"d":"4"},null]}',
      { list: [{ a: '1', d: '4' }, null] },
    ],
    ['a list after null is a new one', '{"list":[{"a":"1"}],"list":null,"list":[{"b":"2"}]}', { list: [{ b: '2' }] }],
    ['an empty list is not null', '{"list":[]}', { list: [] }],
    ['null in a map is the zero value', '{"members":{"a":null}}', { members: { a: '' } }],
    ['null leaves a scalar alone', '{"name":"n","name":null,"small":null}', { name: 'n' }],
    ['signed numbers', '{"signed":-2147483648}', { signed: -2_147_483_648 }],
    ['minus zero where signs are allowed', '{"signed":-0}', { signed: 0 }],
    ['escapes', String.raw`{"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, { name: '"\\/\b\f\n\r\té😀' }],
    ['half a surrogate pair', String.raw`{"name":"\ud800x"}`, { name: '\ufffdx' }],
  ])('%s', (_name, text, want) => {
    expect(decode(text)).toEqual({ ...zero, ...want });
  });

  it.each([
    '',
    ' ',
    '{',
    '{"name"',
    '{"name":',
    '{"name":}',
    '{"name":"n"',
    '{"name":"n",}',
    '{"name":"n" "small":1}',
    '{name:"n"}',
    "{'name':'n'}",
    '{"name":"n"}}',
    '{}{}',
    '[]',
    '"n"',
    '1',
    'true',
    'nul',
    'nullx',
    '{"name":1}',
    '{"name":tru}',
    '{"name":"a\nb"}',
    '{"name":"unfinished}',
    '{"name":"unfinished\\',
    String.raw`{"name":"\x41"}`,
    String.raw`{"name":"\u12"}`,
    '{"small":256}',
    '{"small":-1}',
    '{"small":1.0}',
    '{"small":1e0}',
    '{"small":1E0}',
    '{"small":01}',
    '{"small":+1}',
    '{"small":0x1}',
    '{"small":"1"}',
    '{"small":}',
    '{"signed":2147483648}',
    '{"signed":--1}',
    '{"signed":-}',
    '{"list":{}}',
    '{"list":[1]}',
    '{"list":[{}',
    '{"list":[{},]}',
    '{"members":[]}',
    '{"x":[}',
    '{"x":{]}',
    '{"x":[1,]}',
    '{"x":{"a":1,}}',
    '{"x":{"a"}}',
    '{"x":{1:2}}',
    '{"x":-}',
    '{"x":1.}',
    '{"x":01}',
    '{"x":.5}',
    '{"x":NaN}',
    '{"x":undefined}',
    '{"x":"\u0001"}',
    '\ufeff{}',
    '{}\0',
  ])('%j is refused', (text) => {
    expect(typeof decode(text)).toBe('string');
  });

  it('invalid UTF-8 becomes one U+FFFD a byte, as in Go', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"name":"é'),
      Buffer.from([0xe2, 0x82, 0xff, 0xc3]),
      Buffer.from('😀"}'),
    ]);
    expect(codec.decode(bytes)).toMatchObject({ ok: true, value: { name: 'é\ufffd\ufffd\ufffd\ufffd😀' } });
  });

  it('letters that only look like ASCII after upper-casing are not taken for it', () => {
    expect(decode('{"ſmaﬂl":1,"ﬁ":2,"ı":3}')).toEqual(zero);
  });

  it('depth is bounded and costs no stack', () => {
    const nested = (depth: number): string => `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(decode(nested(9_999))).toEqual(zero);
    expect(decode(nested(10_000))).toMatch(/nested too deep/);
    expect(decode(`{"x":[${'[[]],'.repeat(10_000)}[]]}`)).toEqual(zero);
    expect(decode(`{"x":${'{"a":'.repeat(200_000)}`)).toMatch(/nested too deep/);
  });

  it('names of the prototype chain are keys like any other', () => {
    const text = '{"__proto__":{"polluted":"1"},"constructor":1,"members":{"__proto__":"p","constructor":"c","a":"1"}}';
    const { members } = decode(text) as Sample;
    expect(Object.entries(members ?? {})).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['a', '1'],
    ]);
    expect(Object.getPrototypeOf(members)).toBeNull();
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect(Buffer.from(codec.encode({ ...zero, members })).toString()).toContain('"__proto__":"p"');
  });

  it('what one value was decoded into does not show in the next', () => {
    decode('{"omitted":{"a":"1"},"nested":{"a":"1"},"members":{"a":"1"}}');
    expect(decode('{}')).toEqual(zero);
  });

  it('map keys are written in the order of their bytes', () => {
    const omitted = {
      '😀': '',
      '\uffff': '',
      a_b: '',
      a1: '',
      'a/b': '',
      'a.b': '',
      'a-b': '',
      a: '',
      A: '',
      10: '',
      9: '',
    };
    const keys = Object.keys(omitted);
    const byBytes = keys.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    const text = Buffer.from(codec.encode({ ...zero, omitted })).toString();
    expect([...text.matchAll(/"([^"]*)":""[,}]/g)].map(([, key]) => key).filter((key) => key !== 'name')).toEqual(
      byBytes,
    );
  });
});

describe('any text', () => {
  const json = fc.json({ noUnicodeString: false });

  it('that is JSON is read over exactly', () => {
    fc.assert(fc.property(json, (text) => expect(decode(`{"x":${text},"name":"n"}`)).toEqual({ ...zero, name: 'n' })));
  });

  it('that JSON.parse refuses is refused', () => {
    const almost = fc
      .tuple(json, fc.nat(), fc.constantFrom('', ',', ':', '{', '}', '[', ']', '"', '0', '-', '.', 'e', '\\', ' '))
      .map(
        ([text, at, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + 1),
      );
    fc.assert(
      fc.property(almost, (text) => {
        let isJson = true;
        try {
          JSON.parse(`{"x":${text}}`);
        } catch {
          isJson = false;
        }
        expect(typeof decode(`{"x":${text}}`)).toBe(isJson ? 'object' : 'string');
      }),
      { numRuns: 1_000 },
    );
  });
});
