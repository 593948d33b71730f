import { expect, it } from '@jest/globals';
import { docsTable, settingRows } from '@clustermesh/testkit';

import { apiserverConfig } from './config.ts';
import { etcdinitConfig } from './etcdinit/config.ts';

it.each([
  { program: 'clustermesh-apiserver', options: apiserverConfig.options },
  { program: 'clustermesh-apiserver etcdinit', options: etcdinitConfig.options },
])('every setting of $program is in docs/config.md', ({ program, options }) => {
  expect(docsTable('config.md', program)).toEqual(settingRows(options));
});
