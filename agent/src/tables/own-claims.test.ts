import { beforeEach, describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import { formatIp, parseIp } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import { noClaimant } from './ipcache-claims.ts';
import type { IpcacheClaim } from './ipcache-claims.ts';
import { OwnClaims } from './own-claims.ts';

const wide = 0x0100_0001;
const narrow = 0x0100_0002;

function prefix(text: string): Prefix {
  const [ip = '', bits = '32'] = text.split('/');
  return { address: parseIp(ip) ?? new Uint8Array(16), bits: 96 + Number(bits) };
}

describe('OwnClaims', () => {
  const claims = new Map<string, IpcacheClaim>();
  let references: number[];
  let own: OwnClaims;
  const keyOf = (address: Uint8Array, bits: number): string => `${formatIp(address)}/${bits - 96}`;
  const shown = (): readonly string[] =>
    [...claims].map(([key, { identity, nodeIndex }]) => `${key} ${identity} via ${nodeIndex}`).sort();

  beforeEach(() => {
    claims.clear();
    references = [];
    const count = (index: number, by: number): void => {
      references[index] = (references[index] ?? 0) + by;
    };
    own = new OwnClaims({
      random: seededRandom(1),
      ipcache: {
        upsert: (address, bits, claim) => {
          expect(claim.clusterId).toBe(noClaimant);
          const before = claims.get(keyOf(address, bits));
          claims.set(keyOf(address, bits), claim);
          return before;
        },
        remove: (address, bits) => {
          const before = claims.get(keyOf(address, bits));
          claims.delete(keyOf(address, bits));
          return before;
        },
      },
      nodeIndexes: { retain: (index) => count(index, 1), release: (index) => count(index, -1) },
    });
  });

  it('leads to the proxy and the health endpoint of a node by the range around them', () => {
    own.setHost(1, prefix('10.2.1.7'), 8);
    own.setHost(1, prefix('10.2.1.8'), 4);
    expect(shown()).toEqual(['10.2.1.7/32 8 via 0', '10.2.1.8/32 4 via 0']);
    own.setWay(prefix('10.2.1.0/24'), 5);
    expect(shown()).toEqual(['10.2.1.7/32 8 via 5', '10.2.1.8/32 4 via 5']);
    own.setHost(2, prefix('10.2.1.7'), 6);
    expect(shown()).toEqual(['10.2.1.7/32 6 via 0', '10.2.1.8/32 4 via 5']);
    own.setHost(2, prefix('10.2.1.7'), undefined);
    own.setHost(1, prefix('10.2.1.8'), undefined);
    own.setWay(prefix('10.2.1.0/24'), 0);
    expect(shown()).toEqual(['10.2.1.7/32 8 via 0']);
    own.setHost(1, prefix('10.2.1.7'), undefined);
    expect(references[5]).toBe(0);
  });

  it('says of an address of ours that it is the host, whoever else says something', () => {
    own.setHost(1, prefix('172.30.0.1'), 6);
    own.setHost(0, prefix('172.30.0.1'), 7);
    own.setNetwork(prefix('172.30.0.1'), narrow);
    expect(shown()).toEqual(['172.30.0.1/32 7 via 0']);
    own.setHost(3, prefix('172.30.0.1'), 1);
    expect(shown()).toEqual(['172.30.0.1/32 1 via 0']);
    own.setHost(3, prefix('172.30.0.1'), undefined);
    own.setHost(0, prefix('172.30.0.1'), undefined);
    own.setHost(1, prefix('172.30.0.1'), undefined);
    expect(shown()).toEqual([`172.30.0.1/32 ${narrow} via 0`]);
    own.setNetwork(prefix('172.30.0.1'), undefined);
    expect(shown()).toEqual([]);
  });

  it('gives a pod CIDR the narrowest network around it, and keeps its way, whichever comes first', () => {
    own.setNetwork(prefix('10.0.0.0/8'), wide);
    own.setWay(prefix('10.2.1.0/24'), 5);
    expect(shown()).toEqual([`10.0.0.0/8 ${wide} via 0`, `10.2.1.0/24 ${wide} via 5`]);
    own.setNetwork(prefix('10.2.0.0/16'), narrow);
    expect(shown()).toContain(`10.2.1.0/24 ${narrow} via 5`);
    own.setNetwork(prefix('10.2.0.0/16'), undefined);
    expect(shown()).toContain(`10.2.1.0/24 ${wide} via 5`);
    own.setNetwork(prefix('10.0.0.0/8'), undefined);
    expect(shown()).toEqual([]);
    expect(references[5]).toBe(0);
  });

  it('leads to a network inside a pod CIDR by its node, which may change', () => {
    own.setNetwork(prefix('10.2.1.128/25'), narrow);
    expect(shown()).toEqual([`10.2.1.128/25 ${narrow} via 0`]);
    own.setWay(prefix('10.2.1.0/24'), 5);
    expect(shown()).toEqual([`10.2.1.128/25 ${narrow} via 5`]);
    own.setWay(prefix('10.2.1.0/24'), 6);
    expect(shown()).toEqual([`10.2.1.128/25 ${narrow} via 6`]);
    own.setWay(prefix('10.2.1.0/24'), 0);
    expect(shown()).toEqual([`10.2.1.128/25 ${narrow} via 0`]);
    expect([references[5], references[6]]).toEqual([0, 0]);
  });
});
