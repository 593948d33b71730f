import { describe, expect, it } from '@jest/globals';
import { formatIp } from './address.ts';
import { ipMask, maskOnes, parseCidr, prefixOf } from './cidr.ts';
import { ipKeyName } from './ip-identity.ts';

const base64 = (mask: Uint8Array): string => Buffer.from(mask).toString('base64');

describe('masks', () => {
  it.each([
    [8, 4, '/wAAAA=='],
    [16, 4, '//8AAA=='],
    [24, 4, '////AA=='],
    [26, 4, '////wA=='],
    [32, 4, '/////w=='],
    [48, 16, '////////AAAAAAAAAAAAAA=='],
    [56, 16, '/////////wAAAAAAAAAAAA=='],
    [64, 16, '//////////8AAAAAAAAAAA=='],
    [112, 16, '//////////////////8AAA=='],
    [128, 16, '/////////////////////w=='],
    [0, 4, 'AAAAAA=='],
  ] as const)('/%i of %i bytes', (ones, size, text) => {
    expect(base64(ipMask(ones, size))).toBe(text);
    expect(maskOnes(ipMask(ones, size))).toBe(ones);
  });

  it('a mask with a hole has no length', () => {
    expect(maskOnes(Uint8Array.of(255, 0, 255, 0))).toBeUndefined();
  });
});

describe('networks', () => {
  const bits = (ip: string, mask: Uint8Array | null): string | undefined => {
    const prefix = prefixOf({ ip, mask });
    return prefix && `${formatIp(prefix.address)} ${prefix.bits}`;
  };

  it.each([
    ['10.1.0.5/24', '10.1.0.0/24', '10.1.0.0 120'],
    ['0.0.0.0/0', '0.0.0.0/0', '0.0.0.0 96'],
    ['10.0.0.1/32', '10.0.0.1/32', '10.0.0.1 128'],
    ['FD00::5/64', 'fd00::/64', 'fd00:: 64'],
    ['::/0', '::/0', ':: 0'],
    ['10.0.0.0/08', '10.0.0.0/8', '10.0.0.0 104'],
  ])('%s is the network %s, %s of 128 bits', (text, network, prefix) => {
    const cidr = parseCidr(text);
    expect(cidr && ipKeyName(cidr)).toBe(network);
    expect(cidr && bits(cidr.ip, cidr.mask)).toBe(prefix);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/+8',
    '10.0.0.0/033',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'fd00::/129',
    'x/8',
    '',
  ])('%j is refused', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('host bits do not change what a network covers', () => {
    expect(bits('10.1.0.5', ipMask(24, 4))).toBe('10.1.0.0 120');
  });

  it('a long mask counts bits of the long address', () => {
    expect(bits('10.0.0.9', ipMask(120, 16))).toBe('10.0.0.0 120');
  });

  it.each([
    ['no address', '', ipMask(24, 4)],
    ['no mask', '10.0.0.0', null],
    ['a mask with a hole', '10.0.0.0', Uint8Array.of(255, 0, 255, 0)],
    ['an empty mask', '10.0.0.0', new Uint8Array(0)],
    ['a mask of 3 bytes', '10.0.0.0', Uint8Array.of(255, 0, 0)],
    ['an IPv4 mask on IPv6', 'fd00::', ipMask(24, 4)],
    ['a long mask that reaches beyond IPv4', '10.0.0.0', ipMask(64, 16)],
  ])('%s makes no network', (_name, ip, mask) => {
    expect(bits(ip, mask)).toBeUndefined();
  });
});
