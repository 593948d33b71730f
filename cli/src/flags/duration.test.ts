import { describe, expect, it } from '@jest/globals';

import { parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
  ])('%s is %i ms', (text, want) => {
    expect(parseDuration(text)).toBe(want);
  });

  it.each(['', '15', 'm', '5 m', '-5m', '5d'])('refuses "%s" and says how to write one', (text) => {
    expect(() => parseDuration(text)).toThrow(/write 90s, 15m or 1h30m/);
  });
});
