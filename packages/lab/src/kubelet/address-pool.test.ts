import { expect, it } from '@jest/globals';

import { AddressPool } from './address-pool.ts';

it('gives addresses in turn, so that a freed one rests', () => {
  const pool = new AddressPool('10.1.2.0/24');
  expect([pool.take(), pool.take()]).toEqual(['10.1.2.2', '10.1.2.3']);
  pool.free('10.1.2.2');
  expect(pool.take()).toBe('10.1.2.4');
});

it('passes over addresses in use from before', () => {
  const pool = new AddressPool('10.1.2.0/24');
  pool.reserve('10.1.2.2');
  expect(pool.take()).toBe('10.1.2.3');
});

it('gives each address once, and says when none is left', () => {
  const pool = new AddressPool('10.1.2.0/24');
  const taken = Array.from({ length: 253 }, () => pool.take());
  expect(new Set(taken).size).toBe(253);
  expect(pool.take()).toBeUndefined();
  pool.free('10.1.2.77');
  expect(pool.take()).toBe('10.1.2.77');
});
