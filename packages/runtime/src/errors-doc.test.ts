import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

import { errorCodes } from './errors.ts';

it('every error code is explained in docs/errors.md, in the same order', () => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  expect([...text.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code)).toEqual([...errorCodes]);
});
