import { expect, it } from '@jest/globals';
import { docsTable, settingRows } from '@clustermesh/testkit';

import { agentConfig } from './config.ts';

it('every setting is in docs/config.md', () => {
  expect(docsTable('config.md', 'clustermesh-agent')).toEqual(settingRows(agentConfig.options));
});
