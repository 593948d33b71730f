import { describe, expect, it } from '@jest/globals';

import { IpRange } from './ip-range.ts';

describe('IpRange', () => {
  it('gives out each address once, and neither the first nor the last of the range', () => {
    const addresses = new IpRange('10.101.0.0/30');
    const taken: (string | undefined)[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const address = addresses.next();
      if (address !== undefined) addresses.take(address);
      taken.push(address);
    }
    expect(taken).toEqual(['10.101.0.1', '10.101.0.2', undefined]);
  });

  it('gives out a released address last', () => {
    const addresses = new IpRange('10.101.0.0/29');
    addresses.take('10.101.0.1');
    addresses.release('10.101.0.1');
    expect(addresses.next()).toBe('10.101.0.2');
  });

  it('takes any address of the range for its network', () => {
    expect(new IpRange('10.101.7.9/16').next()).toBe('10.101.0.1');
  });

  it.each([
    ['10.101.255.254', true],
    ['10.102.0.1', false],
    ['::1', false],
    ['None', false],
  ])('knows whether %s is in the range: %s', (address, want) => {
    expect(new IpRange('10.101.0.0/16').contains(address)).toBe(want);
  });

  it('gives out IPv6 addresses, and knows them in any spelling', () => {
    const addresses = new IpRange('fd00:20:1::/112');
    expect(addresses.family).toBe('IPv6');
    expect(addresses.next()).toBe('fd00:20:1::1');
    addresses.take('fd00:20:1:0:0:0:0:00ff');
    expect(addresses.isTaken('fd00:20:1::ff')).toBe(true);
    expect(addresses.next()).toBe('fd00:20:1::100');
    addresses.release('FD00:20:1::FF');
    expect(addresses.isTaken('fd00:20:1::ff')).toBe(false);
  });

  it.each([
    ['fd00:20:1::ffff', true],
    ['fd00:20:2::1', false],
    ['10.101.0.1', false],
  ])('knows whether %s is in a range of IPv6: %s', (address, want) => {
    expect(new IpRange('fd00:20:1::/112').contains(address)).toBe(want);
  });
});
