import { describe, expect, it } from '@jest/globals';

import { MeshError } from '@clustermesh/runtime';

import { reconnectDelayMs } from './reconnect-delay.ts';

const lost = new MeshError('KV_UNAVAILABLE', 'lost');

describe('reconnectDelayMs', () => {
  it.each([
    [1, 0, 1000],
    [1, 0.5, 750],
    [3, 0, 3000],
    [30, 0, 30_000],
    [1000, 0, 30_000],
    [1000, 1, 15_000],
  ])('after %p failures in a row and a throw of %p it is %p ms', (failures, next, want) => {
    expect(reconnectDelayMs(failures, lost, { next: () => next })).toBe(want);
  });

  it('looks for a missing file every five seconds', () => {
    expect(reconnectDelayMs(100, new MeshError('FILE_UNREADABLE', 'x'), { next: () => 0 })).toBe(5000);
  });
});
