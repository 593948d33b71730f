import { describe, expect, it } from '@jest/globals';

import { parsePort, parseSide } from './question.ts';

describe('parseSide', () => {
  it.each([
    { text: '10.1.0.2', want: { kind: 'address', text: '10.1.0.2' } },
    { text: 'fd00::1', want: { kind: 'address', text: 'fd00::1' } },
    { text: 'demo/web', want: { kind: 'pod', text: 'demo/web', cluster: '', namespace: 'demo', name: 'web' } },
    {
      text: 'east/demo/web',
      want: { kind: 'pod', text: 'east/demo/web', cluster: 'east', namespace: 'demo', name: 'web' },
    },
  ])('reads $text', ({ text, want }) => {
    expect(parseSide(text)).toEqual(want);
  });

  it.each(['web', 'demo/', '/web', 'a/b/c/d', '10.1.0.2:80', ''])('refuses "%s"', (text) => {
    expect(() => parseSide(text)).toThrow('neither [CLUSTER/]NAMESPACE/POD nor an address');
  });
});

describe('parsePort', () => {
  it.each([
    { text: '80', want: { text: '80/TCP', protocol: 6, port: 80 } },
    { text: '053/udp', want: { text: '53/UDP', protocol: 17, port: 53 } },
    { text: '8/ICMP', want: { text: '8/ICMP', protocol: 1, port: 8 } },
    { text: '128/ICMPv6', want: { text: '128/ICMPV6', protocol: 58, port: 128 } },
  ])('reads $text', ({ text, want }) => {
    expect(parsePort(text)).toEqual(want);
  });

  it.each(['http', '65536', '256/ICMP', '80/', '80/IP', '-1'])('refuses "%s"', (text) => {
    expect(() => parsePort(text)).toThrow('--port');
  });
});
