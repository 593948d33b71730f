import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { canonicalIp, formatIp, isIpv4, parseIp } from './address.ts';

describe('IP text', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0::1', 'fd00::1'],
    ['2001:0DB8:0:0:0:0:0:0', '2001:db8::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // one group of zeros stays
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // the longest run
    ['2001:0:0:1:0:0:1:1', '2001::1:0:0:1:1'], // the first of equals
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:0a00:1', '10.0.0.1'],
    ['::1.2.3.4', '::102:304'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  it.each([
    ['', 'nothing'],
    ['10.0.0', 'three octets'],
    ['10.0.0.0.1', 'five octets'],
    ['10.0.0.', 'an empty octet'],
    ['.10.0.0.1', 'an empty octet'],
    ['10..0.1', 'an empty octet'],
    ['10.0.0.01', 'a leading zero'],
    ['00.0.0.1', 'a leading zero'],
    ['10.0.0.256', 'an octet out of range'],
    ['10.0.0.1/32', 'a length'],
    ['10.0.0.1@3', 'a cluster id'],
    [' 10.0.0.1', 'white space'],
    ['0x0a.0.0.1', 'hexadecimal'],
    ['10.0.0.-1', 'a sign'],
    ['fe80::1%eth0', 'a zone'],
    [':', 'one colon'],
    [':::', 'three colons'],
    ['1::2::3', 'two gaps'],
    ['1:2:3:4:5:6:7', 'seven groups'],
    ['1:2:3:4:5:6:7:8:9', 'nine groups'],
    ['1:2:3:4:5:6:7:8::', 'a gap for nothing'],
    ['1:2:3:4::5:6:7:8', 'a gap for nothing'],
    ['12345::', 'five digits'],
    ['1:', 'an open end'],
    [':1', 'an open start'],
    ['g::', 'no digit'],
    ['1.2.3.4::', 'a dotted quad in front'],
    ['::1.2.3.4:5', 'a dotted quad in the middle'],
    ['1:2:3:4:5:6:7:1.2.3.4', 'a dotted quad too many'],
    ['::1.2.3', 'half a dotted quad'],
    ['::1.2.3.04', 'a leading zero in the quad'],
  ])('%j is refused: %s', (text) => {
    expect(parseIp(text)).toBeUndefined();
    expect(canonicalIp(text)).toBeUndefined();
  });

  it('IPv4 is held mapped into IPv6', () => {
    const bytes = parseIp('10.0.0.1') ?? new Uint8Array();
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]);
    expect(isIpv4(bytes)).toBe(true);
    expect(isIpv4(parseIp('::10.0.0.1') ?? new Uint8Array())).toBe(false);
  });

  it('any 16 bytes survive being printed and parsed', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 0xff), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(fc.oneof(bytes, sparse), (drawn) =>
        expect(parseIp(formatIp(Uint8Array.from(drawn)))).toEqual(Uint8Array.from(drawn)),
      ),
    );
  });

  it('what a well-known library takes as IPv6 has the same bytes here', () => {
    const hexadecimal = fc.ipV6().filter((text) => !text.includes('.')); // it maps ::1.2.3.4, Go does not
    fc.assert(
      fc.property(hexadecimal, (text) =>
        expect([...(parseIp(text) ?? [])]).toEqual(ipaddr.IPv6.parse(text).toByteArray()),
      ),
    );
  });

  it('no text crashes it', () => {
    const near = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef:.%/ ')) });
    fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => expect(parseIp(text)?.length ?? 16).toBe(16)));
  });
});
