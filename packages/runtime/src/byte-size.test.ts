import { describe, expect, it } from '@jest/globals';

import { formatByteSize, parseByteSize } from './byte-size.ts';

describe('byte sizes', () => {
  it.each([
    ['1', 1],
    ['64Ki', 65_536],
    ['256Mi', 268_435_456],
    ['1.5Gi', 1_610_612_736],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseByteSize(text)).toEqual({ ok: true, value: bytes });
    expect(parseByteSize(formatByteSize(bytes))).toEqual({ ok: true, value: bytes });
  });

  it.each(['', '0', '-1', '1MB', '1.5', '0.3Ki', '1 Mi', 'Mi'])('"%s" is none', (text) => {
    expect(parseByteSize(text)).toMatchObject({ ok: false });
  });

  it('is written in the largest unit that fits evenly', () => {
    expect([1536, 1_048_576, 1_342_177_280, 1_000].map(formatByteSize)).toEqual(['1536', '1Mi', '1280Mi', '1000']);
  });
});
