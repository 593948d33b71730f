import { describe, expect, it } from '@jest/globals';

import { decodeEntry, mayHold, placeOf, soleGroupOf } from './keyspace.ts';

describe('placeOf', () => {
  it.each([
    { key: 'cilium/cache/ip/v1/c1/10.0.0.1', group: 'cilium/cache/ip/v1/c1/', name: '10.0.0.1' },
    { key: 'cilium/state/services/v1/c1/ns/name', group: 'cilium/state/services/v1/c1/', name: 'ns/name' },
    { key: 'cilium/cluster-config/c1', group: 'cilium/cluster-config/', name: 'c1' },
    { key: 'cilium/.heartbeat', group: 'cilium/', name: '.heartbeat' },
    { key: 'a', group: '', name: 'a' },
  ])('keeps $key in the hash of $group', ({ key, group, name }) => {
    expect(placeOf(key)).toEqual({ group, name });
  });
});

describe('the groups of a prefix', () => {
  it.each([
    { prefix: 'cilium/cache/ip/v1/c1/', sole: 'cilium/cache/ip/v1/c1/' },
    { prefix: 'cilium/cache/identities/v1/c1/id/', sole: 'cilium/cache/identities/v1/c1/' },
    { prefix: 'cilium/cache/ip/v1/c1', sole: undefined },
    { prefix: 'cilium/cluster-config/', sole: undefined },
    { prefix: '', sole: undefined },
  ])('$prefix is in one hash: $sole', ({ prefix, sole }) => {
    expect(soleGroupOf(prefix)).toBe(sole);
  });

  it.each([
    { group: 'a/b/', prefix: 'a/', may: true },
    { group: 'a/', prefix: 'a/b', may: true },
    { group: 'a/', prefix: 'b', may: false },
    { group: '', prefix: 'b/', may: true },
  ])('$group may hold keys of $prefix: $may', ({ group, prefix, may }) => {
    expect(mayHold(group, prefix)).toBe(may);
  });
});

describe('decodeEntry', () => {
  it('finds revisions, writer and value, which may hold anything', () => {
    const entry = decodeEntry(Buffer.from('17 19 f1+a +b\n'));
    expect(entry).toMatchObject({ createRevision: 17n, modRevision: 19n, writer: 'f1' });
    expect(Buffer.from(entry?.value ?? []).toString()).toBe('a +b\n');
  });

  it.each(['', '1 2', 'x 2 w v', '1  w v', 'no entry of this store'])('passes over %j', (text) => {
    expect(decodeEntry(Buffer.from(text))).toBeUndefined();
  });
});
