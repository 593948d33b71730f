import { expect, it } from '@jest/globals';

import { prefixEnd } from './key-range.ts';

it.each([
  ['cilium/.heartbeat', 'cilium/.heartbeau'],
  ['cilium/state/', 'cilium/state0'],
  ['cilium/synced/c1/', 'cilium/synced/c10'],
  ['a\xff\xff', 'b'],
  ['\xff', '\0'],
])('the range of %j ends at %j (protocol.md §12.4)', (prefix, end) => {
  expect(prefixEnd(prefix)).toBe(end);
});
