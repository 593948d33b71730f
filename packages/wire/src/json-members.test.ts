import { describe, expect, it } from '@jest/globals';

import { jsonMembers, jsonOf } from './json-members.ts';

describe('jsonMembers', () => {
  it.each([
    ['{}', []],
    ['null', []],
    ['[1]', []],
    [
      ' { "a" : 1.50e0 , "b":{"c": [1, "}"]},"a":null } ',
      [
        ['a', '1.50e0'],
        ['b', '{"c": [1, "}"]}'],
        ['a', 'null'],
      ],
    ],
    ['{"\\u0061":"\\u003c"}', [['a', '"\\u003c"']]],
  ])('are read of %s', (text, members) => {
    expect(jsonMembers(text)).toEqual(members);
  });

  it('come out as they were', () => {
    const text = '{"a":12345678901234567890,"b":-0,"c":{"__proto__":1}}';
    expect(jsonOf(jsonMembers(text))).toBe(text);
  });

  it.each(['{"a":1', '{"a" 1}', '{a:1}'])('are refused of %s', (text) => {
    expect(() => jsonMembers(text)).toThrow();
  });
});
