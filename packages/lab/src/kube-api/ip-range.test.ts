import { describe, expect, it } from '@jest/globals';

import { ServiceIpAllocator } from './service-ip-allocator.ts';

describe('ServiceIpAllocator', () => {
  it('gives out each address once, and neither the first nor the last of the range', () => {
    const addresses = new ServiceIpAllocator('10.101.0.0/30');
    const taken: (string | undefined)[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const address = addresses.next();
      if (address !== undefined) addresses.take(address);
      taken.push(address);
    }
    expect(taken).toEqual(['10.101.0.1', '10.101.0.2', undefined]);
  });

  it('gives out a released address last', () => {
    const addresses = new ServiceIpAllocator('10.101.0.0/29');
    addresses.take('10.101.0.1');
    addresses.release('10.101.0.1');
    expect(addresses.next()).toBe('10.101.0.2');
  });

  it('takes any address of the range for its network', () => {
    expect(new ServiceIpAllocator('10.101.7.9/16').next()).toBe('10.101.0.1');
  });

  it.each([
    ['10.101.255.254', true],
    ['10.102.0.1', false],
    ['::1', false],
    ['None', false],
  ])('knows whether %s is in the range: %s', (address, want) => {
    expect(new ServiceIpAllocator('10.101.0.0/16').contains(address)).toBe(want);
  });
});
