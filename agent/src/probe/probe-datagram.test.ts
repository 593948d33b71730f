import { describe, expect, it } from '@jest/globals';

import { probeDatagram } from './probe-datagram.ts';

describe('probeDatagram', () => {
  it('is a VXLAN packet with 16 bytes of our own EtherType', () => {
    const nobody = '000000000000';
    const want = [
      ...['08000000', '00000600'],
      ...[nobody, nobody, '88b5'],
      ...['636d7062', '01000000', 'efcdab8967452301'],
    ];
    expect(Buffer.from(probeDatagram(0x0123_4567_89ab_cdefn)).toString('hex')).toBe(want.join(''));
  });
});
