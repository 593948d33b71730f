import { expect, it } from '@jest/globals';
import { sectionVariables } from './btf.ts';

const kind = { int: 1, struct: 4, volatile: 9, variable: 14, dataSection: 15 };

it('finds variables of a section by name, passing over types of every shape', () => {
  const strings = '\0u32\0pair\0a\0b\0first\0second\0.rodata\0.data\0';
  const at = (name: string): number => strings.indexOf(`\0${name}\0`) + 1;
  const btf = build(strings, [
    [at('u32'), kind.int << 24, 4, 32], // 1
    [at('pair'), (kind.struct << 24) | 2, 8, at('a'), 1, 0, at('b'), 1, 32], // 2
    [0, kind.volatile << 24, 1], // 3
    [at('first'), kind.variable << 24, 3, 1], // 4
    [at('second'), kind.variable << 24, 2, 1], // 5
    [at('.data'), (kind.dataSection << 24) | 1, 4, 4, 100, 4], // 6
    [at('.rodata'), (kind.dataSection << 24) | 2, 12, 4, 0, 4, 5, 8, 8], // 7
  ]);
  expect(sectionVariables(btf, '.rodata')).toEqual(
    new Map([
      ['first', { offset: 0, size: 4 }],
      ['second', { offset: 8, size: 8 }],
    ]),
  );
});

it('finds nothing in an object without type information', () => {
  expect(sectionVariables(new Uint8Array(), '.rodata')).toEqual(new Map());
});

/** struct btf_header, then types as 32-bit words, then strings. */
function build(strings: string, types: number[][]): Uint8Array {
  const words = types.flat();
  const typeBytes = words.length * 4;
  const header = [0x0001_eb9f, 24, 0, typeBytes, typeBytes, strings.length];
  return Buffer.concat([Buffer.from(Uint32Array.from([...header, ...words]).buffer), Buffer.from(strings, 'latin1')]);
}
