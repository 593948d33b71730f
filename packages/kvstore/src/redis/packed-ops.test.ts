import { describe, expect, it } from '@jest/globals';

import { PackedCommit, packOps } from './packed-ops.ts';
import type { TransactionOp } from './packed-ops.ts';

const prefix = 'cilium/cache/ip/v1/c1/';

describe('packed operations', () => {
  it('are told again in their order', () => {
    const ops: TransactionOp[] = [
      { kind: 'put', key: `${prefix}\xff\u0000`, value: Uint8Array.of(0, 255, 43) },
      { kind: 'delete', key: 'other' },
      { kind: 'put', key: `${prefix}b`, value: new Uint8Array(0) },
      { kind: 'delete-of', key: prefix, writer: 'dead' },
    ];
    const events = new PackedCommit(packOps(ops))
      .eventsUnder('', 7n)
      .map((event) => ('value' in event ? [event.key, ...event.value] : event));
    expect(events).toEqual([
      [`${prefix}\xff\u0000`, 0, 255, 43],
      { kind: 'delete', key: 'other', modRevision: 7n },
      [`${prefix}b`],
      { kind: 'delete', key: prefix, modRevision: 7n },
    ]);
  });

  it('are told of a prefix only, be it a part of a group or several', () => {
    const ops: TransactionOp[] = [`${prefix}a1`, `${prefix}a2`, `${prefix}b`, 'p/a1'].map((key) => ({
      kind: 'delete',
      key,
    }));
    const commit = new PackedCommit(packOps(ops));
    const keysUnder = (asked: string): string[] => commit.eventsUnder(asked, 1n).map(({ key }) => key);
    expect(keysUnder(`${prefix}a`)).toEqual([`${prefix}a1`, `${prefix}a2`]);
    expect(keysUnder('cilium/')).toHaveLength(3);
    expect(keysUnder('cilium/cache/ip/v1/c2/')).toEqual([]);
  });

  it('name a group once', () => {
    const one = packOps([{ kind: 'delete', key: `${prefix}1` }]).length;
    const two = packOps([{ kind: 'delete', key: `${prefix}1` }, { kind: 'delete', key: `${prefix}2` }]).length; // prettier-ignore
    expect(two - one).toBeLessThan(prefix.length);
  });
});
