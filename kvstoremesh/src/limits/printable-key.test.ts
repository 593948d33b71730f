import { expect, it } from '@jest/globals';

import { printableKey } from './printable-key.ts';

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

it.each([
  ['demo/web', 'demo/web'],
  [latin1('käse/☃'), 'käse/☃'],
  ['\u00ff\u00fe', '\ufffd\ufffd'],
  ['a\u001b[31mred\nline two', 'a\ufffd[31mred\ufffdline\ufffdtwo'],
  [latin1('left\u202eright'), 'left\ufffdright'],
  ['x'.repeat(5_000), `${'x'.repeat(120)}…`],
])('shows %j as %j', (key, shown) => {
  expect(printableKey(key)).toBe(shown);
});
