import { describe, expect, it } from '@jest/globals';

import { PutTransaction } from './put-transaction.ts';

describe('PutTransaction', () => {
  it('is what etcd reads as puts', () => {
    const transaction = new PutTransaction(1_000);
    expect(transaction.add(['k1', 'v'.repeat(200)])).toBe(true);
    expect(transaction.add(['k2', 'w'])).toBe(true);
    expect(transaction.count).toBe(2);
    const first = Buffer.concat([
      // success, request_put, key, value: lengths of 213, 210, 2 and 200 bytes.
      Buffer.from([0x12, 0xd2, 0x01, 0x12, 0xcf, 0x01, 0x0a, 2]),
      Buffer.from('k1'),
      Buffer.from([0x12, 0xc8, 0x01]),
      Buffer.from('v'.repeat(200)),
    ]);
    const second = Buffer.from([0x12, 9, 0x12, 7, 0x0a, 2, 0x6b, 0x32, 0x12, 1, 0x77]);
    expect(transaction.take()).toEqual(Buffer.concat([first, second]));
  });

  it('refuses what it has no room for, and begins anew when it was taken', () => {
    const transaction = new PutTransaction(20);
    expect(transaction.add(['key', 'value'])).toBe(true);
    expect(transaction.add(['key', 'value'])).toBe(false);
    transaction.take();
    expect(transaction.count).toBe(0);
    expect(transaction.add(['key', 'value'])).toBe(true);
  });
});
