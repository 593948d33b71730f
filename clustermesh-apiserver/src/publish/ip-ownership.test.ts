import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { IpOwnership } from './ip-ownership.ts';

const ip = '10.1.0.9';

describe('IpOwnership', () => {
  it('follows the example of protocol.md §7.4', () => {
    const ownership = new IpOwnership();
    const owners: (string | undefined)[] = [];
    const steps: (() => unknown)[] = [
      () => ownership.claim('3', [ip]),
      () => ownership.claim('4', [ip]),
      () => ownership.release('3'),
      () => ownership.claim('3', [ip]),
      () => ownership.claim('4', [ip]),
      () => ownership.release('4'),
    ];
    for (const step of steps) {
      step();
      owners.push(ownership.ownerOf(ip));
    }
    expect(owners).toEqual(['3', '3', '4', '4', '4', '3']);
  });

  it('reports only IPs whose owner changed', () => {
    const ownership = new IpOwnership();
    expect(ownership.claim('a', ['1', '2'])).toEqual(['1', '2']);
    expect(ownership.claim('a', ['1', '2'])).toEqual([]);
    expect(ownership.claim('b', ['2', '3'])).toEqual(['3']);
    expect(ownership.claim('a', ['1', '4'])).toEqual(['4', '2']);
    expect(ownership.release('b')).toEqual(['2', '3']);
    expect(ownership.ownerOf('2')).toBeUndefined();
  });

  it('drops one who waits without a change of owner', () => {
    const ownership = new IpOwnership();
    ownership.claim('a', [ip]);
    ownership.claim('b', [ip]);
    ownership.claim('c', [ip]);
    expect(ownership.release('b')).toEqual([]);
    ownership.release('a');
    expect(ownership.ownerOf(ip)).toBe('c');
  });

  it('always gives an IP to its longest-standing claimant', () => {
    const step = fc.record({ claimant: fc.constantFrom('a', 'b', 'c'), ips: fc.subarray(['1', '2', '3']) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ownership = new IpOwnership();
        const queues = new Map<string, string[]>([
          ['1', []],
          ['2', []],
          ['3', []],
        ]);
        for (const { claimant, ips } of steps) {
          const changed = ownership.claim(claimant, ips);
          for (const [one, queue] of queues) {
            const owner = queue[0];
            const has = queue.includes(claimant);
            if (ips.includes(one) && !has) queue.push(claimant);
            if (!ips.includes(one) && has) queue.splice(queue.indexOf(claimant), 1);
            expect(changed.includes(one)).toBe(queue[0] !== owner);
            expect(ownership.ownerOf(one)).toBe(queue[0]);
          }
        }
      }),
    );
  });
});
