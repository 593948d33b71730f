import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attempt } from './malformed.ts';
import { int32, message, optional, protoCodec, repeated, string, stringMap, uint32 } from './proto-message.ts';

interface Sample {
  readonly text: string;
  readonly number: number;
  readonly signed?: number | undefined;
  readonly nested: { readonly a: string; readonly b: string };
  readonly list: readonly string[];
  readonly members: Readonly<Record<string, string>>;
}

const type = message<Sample>({
  text: [1, string],
  number: [2, uint32],
  signed: [3, optional(int32)],
  nested: [4, message<Sample['nested']>({ a: [1, string], b: [2, string] })],
  list: [5, repeated(string)],
  members: [6, stringMap],
});
const codec = protoCodec(type);
const zero = { text: '', number: 0, signed: undefined, nested: { a: '', b: '' }, list: [], members: {} };
const decode = (hex: string): unknown => {
  const result = codec.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return result.ok ? result.value : result.reason;
};

describe('protobuf messages', () => {
  it.each<[string, string, Partial<Sample>]>([
    ['nothing is all zero', '', {}],
    ['the last of a scalar wins', '10 01 10 02', { number: 2 }],
    ['a 32-bit number', '10 ff ff ff ff 0f', { number: 0xffff_ffff }],
    ['bits above 32 are dropped', '10 80 80 80 80 f0 01', { number: 0 }],
    ['a negative number of ten bytes', '18 ff ff ff ff ff ff ff ff ff 01', { signed: -1 }],
    ['a message is merged', '22 03 0a 01 61 22 03 12 01 62', { nested: { a: 'a', b: 'b' } }],
    ['a list keeps its order', '2a 01 62 2a 01 61', { list: ['b', 'a'] }],
    ['a map entry without key or value', '32 00', { members: { '': '' } }],
    ['the last entry of a key wins', '32 06 0a 01 6b 12 01 61 32 06 0a 01 6b 12 01 62', { members: { k: 'b' } }],
    ['unknown fields of every wire type', '78 01 79 0102030405060708 7a 02 6161 7d 01020304 10 05', { number: 5 }],
  ])('%s', (_name, hex, want) => {
    expect(decode(hex)).toEqual({ ...zero, ...want });
  });

  it.each([
    ['a tag alone', '10', 'cut short'],
    ['an unfinished number', '10 80', 'cut short'],
    ['a number of eleven bytes', '10 80 80 80 80 80 80 80 80 80 80 01', 'too long'],
    ['a length beyond the end', '0a 05 61', 'cut short'],
    ['a huge length', '0a ff ff ff ff 0f', 'cut short'],
    ['field number 0', '00 01', 'field number 0'],
    ['a number where a text belongs', '08 01', 'wire type'],
    ['a text where a number belongs', '12 01 61', 'wire type'],
    ['a group', '7b 7c', 'wire type'],
    ['text that is not UTF-8', '0a 01 ff', 'not UTF-8'],
    ['a nested message cut short', '22 02 0a 05', 'cut short'],
    ['an unknown field cut short', '7d 01', 'cut short'],
  ])('%s is refused', (_name, hex, reason) => {
    expect(decode(hex)).toContain(reason);
  });

  it('a key named __proto__ is a key like any other', () => {
    const { members } = decode('32 0e 0a 09 5f5f70726f746f5f5f 12 01 70') as Sample;
    expect(Object.entries(members)).toEqual([['__proto__', 'p']]);
    expect(({} as { p?: string }).p).toBeUndefined();
  });

  it('numbers of every size survive', () => {
    const numbers = fc.tuple(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
    );
    fc.assert(
      fc.property(numbers, ([number, signed]) => {
        const value = { ...zero, number, signed };
        expect(attempt(() => type.decode(codec.encode(value)))).toEqual({ ok: true, value });
      }),
    );
  });
});
