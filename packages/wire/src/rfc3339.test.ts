import { describe, expect, it } from '@jest/globals';
import { parseRfc3339, rfc3339 } from './rfc3339.ts';

const ms = Date.UTC(2026, 2, 1, 10, 20, 30);

describe('RFC 3339', () => {
  it('is written in UTC and whole seconds', () => {
    expect(rfc3339(ms + 999)).toBe('2026-03-01T10:20:30Z');
  });

  it.each([
    ['9999-12-31T23:59:59-23:59', '10000-01-01T23:58:59Z'],
    ['0000-01-01T00:00:00+01:00', '-0001-12-31T23:00:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ])('%s is written as %s, as Go does', (text, written) => {
    expect(rfc3339(parseRfc3339(text) ?? NaN)).toBe(written);
  });

  it('an hour may have one digit', () => {
    expect(parseRfc3339('2026-03-01T9:20:30Z')).toBe(Date.UTC(2026, 2, 1, 9, 20, 30));
  });

  it.each([
    '2026-03-01T10:20:30Z',
    '2026-03-01T11:20:30+01:00',
    '2026-03-01T04:50:30-05:30',
    '2026-03-01T10:20:30.123Z',
  ])('%s is read', (text) => {
    expect(parseRfc3339(text)).toBe(ms);
  });

  it.each([
    '',
    '2026-03-01',
    '2026-03-01T10:20:30',
    '2026-03-01t10:20:30z',
    '2026-02-30T10:20:30Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T010:20:30Z',
    '2026-3-01T10:20:30Z',
    '2026-03-01T10:2:30Z',
    '2026-03-01T10:20:60Z',
    '2026-13-01T10:20:30Z',
    '2026-03-01T10:20:30+25:00',
    '2026-03-01T10:20:30+00:61',
    ' 2026-03-01T10:20:30Z',
  ])('%j is refused', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });
});
