import { isUtf8 } from 'node:buffer';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { goText } from './go-text.ts';

/** The rule by the book: the longest valid sequence at each place, else one replacement a byte. */
function byTheBook(buffer: Buffer): string {
  let text = '';
  for (let at = 0; at < buffer.length;) {
    const length = [1, 2, 3, 4].find((size) => at + size <= buffer.length && isUtf8(buffer.subarray(at, at + size)));
    text += length === undefined ? '\ufffd' : buffer.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

it('replaces every invalid byte by itself and keeps the rest, at every border of UTF-8', () => {
  const byte = fc.constantFrom(
    ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee],
    ...[0xef, 0xbb, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (bytes) => {
      expect(goText(Uint8Array.from(bytes))).toBe(byTheBook(Buffer.from(bytes)));
    }),
    { numRuns: 2_000 },
  );
});
