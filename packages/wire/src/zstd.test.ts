import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { attempt } from './malformed.ts';
import { compress, decompress } from './zstd.ts';

const mebibyte = 1024 * 1024;
const read = (bytes: Uint8Array): string => {
  const result = attempt(() => decompress(bytes));
  return result.ok ? `${result.value.length} bytes` : result.reason;
};
const frame = (size: number, params: Record<number, number> = {}): Buffer =>
  zstdCompressSync(Buffer.alloc(size, 'abc'), { params });
const withoutSize = { [constants.ZSTD_c_contentSizeFlag]: 0 };

const small = frame(100);
const skippable = Buffer.from('502a4d180400000000000000', 'hex');

/** A frame that says nothing of its size, with another window descriptor (5 bits exponent over 1 KiB, 3 bits eighths). */
function windowed(exponent: number, eighths = 0): Buffer {
  const bytes = frame(100, withoutSize);
  bytes[5] = (exponent << 3) | eighths;
  return bytes;
}

describe('zstd frames', () => {
  it('round trip', () => {
    expect(Buffer.from(decompress(compress(Buffer.from('hello')))).toString()).toBe('hello');
    expect(decompress(compress(new Uint8Array(0)))).toHaveLength(0);
  });

  it.each([
    ['without a checksum', frame(100), '100 bytes'],
    ['without a content size', frame(100, withoutSize), '100 bytes'],
    ['of a repeated byte', zstdCompressSync(Buffer.alloc(mebibyte)), `${mebibyte} bytes`],
    ['with an 8 MiB window', windowed(13), '100 bytes'],
    ['with a 16 MiB window', windowed(14), '100 bytes'],
    ['of exactly 16 MiB', frame(16 * mebibyte), `${16 * mebibyte} bytes`],
  ])('%s is read', (_name, bytes, want) => {
    expect(read(bytes)).toBe(want);
  });

  it.each([
    ['two frames', [small, small], '200 bytes'],
    ['a frame that is to be skipped before', [skippable, small], '100 bytes'],
    ['a frame that is to be skipped behind', [small, skippable], '100 bytes'],
    ['two frames of exactly 16 MiB together', [frame(16 * mebibyte - 100), small], `${16 * mebibyte} bytes`],
  ])('%s are read as one', (_name, frames, want) => {
    expect(read(Buffer.concat(frames))).toBe(want);
  });

  const whole = compress(Buffer.alloc(1000, 'abc'));
  const wrongChecksum = Buffer.from(whole);
  wrongChecksum[whole.length - 1] = (whole[whole.length - 1] ?? 0) ^ 1;

  it.each([
    ['nothing', new Uint8Array(0)],
    ['a header alone', whole.subarray(0, 6)],
    ['one cut short', whole.subarray(0, whole.length - 1)],
    ['another format', Buffer.from('{"cluster":"c1"}')],
    ['a skippable frame cut short', skippable.subarray(0, skippable.length - 1)],
    ['trailing bytes', Buffer.concat([whole, Buffer.from('x')])],
    ['two frames, the second cut short', Buffer.concat([whole, whole]).subarray(0, 2 * whole.length - 1)],
    ['more than 1,000 frames', Buffer.concat(Array<Buffer>(1_001).fill(small))],
    ['two frames of more than 16 MiB together', Buffer.concat([frame(16 * mebibyte), small])],
    ['a wrong checksum', wrongChecksum],
    ['more than 16 MiB of output', frame(16 * mebibyte + 1)],
    ['more than 16 MiB of output that does not say so', frame(16 * mebibyte + 1, withoutSize)],
    ['a window above 16 MiB', windowed(14, 1)],
    ['a 128 MiB window', windowed(17)],
  ])('%s is refused', (_name, bytes) => {
    expect(read(bytes)).toMatch(/zstd/);
  });
});
