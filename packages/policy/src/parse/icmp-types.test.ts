import { describe, expect, it } from '@jest/globals';

import { icmpType } from './icmp-types.ts';

describe('icmpType', () => {
  it.each([
    { family: 'IPv4', type: 'EchoRequest', want: 8 },
    { family: 'IPv6', type: 'EchoRequest', want: 128 },
    { family: 'IPv4', type: 'EchoReply', want: 0 },
    { family: 'IPv6', type: 'PacketTooBig', want: 2 },
    { family: 'IPv4', type: 'PacketTooBig', want: undefined },
    { family: 'IPv4', type: 8, want: 8 },
    { family: 'IPv4', type: '0', want: 0 },
    { family: 'IPv6', type: '255', want: 255 },
    { family: 'IPv6', type: 256, want: undefined },
    { family: 'IPv4', type: 'toString', want: undefined },
    { family: 'IPv4', type: '0x8', want: undefined },
  ] as const)('$family $type: $want', ({ family, type, want }) => {
    expect(icmpType(family, type)).toBe(want);
  });
});
