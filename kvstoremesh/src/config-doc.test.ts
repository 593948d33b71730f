import { expect, it } from '@jest/globals';
import { docsTable, settingRows } from '@clustermesh/testkit';

import { kvstoremeshConfig } from './config.ts';

it('every setting is in docs/config.md', () => {
  expect(docsTable('config.md', 'kvstoremesh')).toEqual(settingRows(kvstoremeshConfig.options));
});
