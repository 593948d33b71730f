import { expect, it } from '@jest/globals';

import { humanDuration } from './human-duration.ts';

it.each([
  [-5, '0s'],
  [999, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [330_000, '5m30s'],
  [600_000, '10m'],
  [3 * 3600_000 - 1, '179m'],
  [3 * 3600_000 + 300_000, '3h5m'],
  [8 * 3600_000, '8h'],
  [47 * 3600_000, '47h'],
  [50 * 3600_000, '2d2h'],
  [8 * 86_400_000, '8d'],
  [731 * 86_400_000, '2y1d'],
  [3000 * 86_400_000, '8y'],
])('an age of %i ms is %s', (ms, want) => {
  expect(humanDuration(ms)).toBe(want);
});
