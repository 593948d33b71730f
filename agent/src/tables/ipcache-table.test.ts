import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import fc from 'fast-check';

import { chooseClaim } from './ipcache-claims.ts';
import { IpcacheTable } from './ipcache-table.ts';
import { hostPrefix } from './prefix-index.ts';
import { RowList } from './row-list.ts';

const local = 1;

function address(number: number): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, number]);
}

function setUp(known: ReadonlySet<number> = new Set([70_000, 70_001])) {
  const identities = new Set(known);
  const table = new IpcacheTable({
    random: seededRandom(1),
    localClusterId: local,
    ranges: { owner: () => 3, touchesLocal: () => false },
    isIdentityKnown: (identity) => identities.has(identity),
  });
  return { table, identities };
}

/** Programs everything as a perfect map would, and tells what was written: address → identity, or gone. */
function program(table: IpcacheTable): Readonly<Record<string, number | 'gone'>> {
  const written: Record<string, number | 'gone'> = {};
  for (const row of table.takeChanges(1_000)) {
    const bytes = new Uint8Array(16);
    table.copyAddress(row, bytes);
    const text = bytes.subarray(12).join('.');
    const before = table.programmedIdentity(bytes, hostPrefix);
    table.settled(row);
    const after = table.programmedIdentity(bytes, hostPrefix);
    if (after !== before) written[text] = after ?? 'gone';
  }
  return written;
}

function rowList(...rows: readonly number[]): RowList {
  const list = new RowList();
  for (const row of rows) list.push(row);
  return list;
}

describe('chooseClaim', () => {
  const claim = (clusterId: number) => ({ clusterId, identity: 0, nodeIndex: 0 });
  it.each([
    { name: 'nobody', clusters: [], owner: undefined, want: undefined },
    { name: 'the only one', clusters: [5], owner: undefined, want: 5 },
    { name: 'the first', clusters: [5, 3], owner: undefined, want: 5 },
    { name: 'the owner of the pod CIDR over the first', clusters: [5, 3], owner: 3, want: 3 },
    { name: 'the local cluster over the owner of the pod CIDR', clusters: [5, 3, local], owner: 3, want: local },
    { name: 'nobody in a range of ours that we claim nothing of', clusters: [5], owner: local, want: undefined },
    { name: 'the first when the owner claims nothing', clusters: [5, 4], owner: 3, want: 5 },
  ])('$name wins', ({ clusters, owner, want }) => {
    expect(chooseClaim(clusters.map(claim), local, owner)?.clusterId).toBe(want);
  });
});

describe('IpcacheTable', () => {
  it('queues what changed, once', () => {
    const { table } = setUp();
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 70_000, nodeIndex: 1 });
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 70_001, nodeIndex: 1 });
    expect(program(table)).toEqual({ '10.0.0.1': 70_001 });
    expect(table.hasChanges).toBe(false);
    expect(table.programmedCount).toBe(1);
  });

  it('shows an address as nobody in particular until its identity is known (I2)', () => {
    const { table, identities } = setUp();
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 80_000, nodeIndex: 1 });
    expect(program(table)).toEqual({ '10.0.0.1': 0 });
    expect(table.way(address(1))).toEqual({ clusterId: 2, isProgrammed: false, nodeIndex: 1 });
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 80_000, nodeIndex: 2 });
    program(table);
    expect(table.way(address(1))?.nodeIndex).toBe(2);
    identities.add(80_000);
    table.identityKnown(80_000);
    expect(program(table)).toEqual({ '10.0.0.1': 80_000 });
    expect(table.way(address(1))?.isProgrammed).toBe(true);
  });

  it('keeps the programmed identity while the new one is not known (I7)', () => {
    const { table, identities } = setUp();
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 70_000, nodeIndex: 1 });
    program(table);
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 80_000, nodeIndex: 1 });
    expect(program(table)).toEqual({});
    identities.add(80_000);
    table.identityKnown(80_000);
    expect(program(table)).toEqual({ '10.0.0.1': 80_000 });
  });

  it('forgets an address that went before its identity came', () => {
    const { table, identities } = setUp();
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 80_000, nodeIndex: 1 });
    table.remove(address(1), hostPrefix, 2);
    program(table);
    identities.add(80_000);
    table.identityKnown(80_000);
    expect(program(table)).toEqual({});
    expect(table.size).toBe(0);
  });

  it('lets the next claim take over when the winner withdraws', () => {
    const { table } = setUp();
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 70_000, nodeIndex: 1 });
    table.upsert(address(1), hostPrefix, { clusterId: 3, identity: 70_001, nodeIndex: 1 });
    expect(program(table)).toEqual({ '10.0.0.1': 70_001 });
    expect([...table.conflicts()].map(({ clusterId }) => clusterId)).toEqual([2]);
    table.remove(address(1), hostPrefix, 3);
    expect(program(table)).toEqual({ '10.0.0.1': 70_000 });
    expect([...table.conflicts()]).toEqual([]);
  });

  it('gives up what a predecessor left only when told to', () => {
    const { table } = setUp();
    const row = table.restore(address(1), hostPrefix, 70_000, 1);
    table.restore(address(2), hostPrefix, 90_000, 2);
    expect(program(table)).toEqual({});
    table.giveUp(rowList(row));
    expect(program(table)).toEqual({ '10.0.0.1': 'gone' });
    expect([...table.rows()].map(({ state }) => state)).toEqual(['restored']);
  });

  it('takes any number of rows of one identity in portions', () => {
    const { table, identities } = setUp();
    for (let number = 1; number <= 200; number++)
      table.upsert(address(number), hostPrefix, { clusterId: 2, identity: 80_000, nodeIndex: 1 });
    program(table);
    identities.add(80_000);
    table.identityKnown(80_000);
    expect(table.takeChanges(150)).toHaveLength(150);
    expect(table.hasChanges).toBe(true);
    expect(table.takeChanges(150)).toHaveLength(50);
    expect(table.hasChanges).toBe(false);
  });

  it('gives up what a predecessor left in portions, but for what is claimed by then', () => {
    const { table } = setUp();
    const rows = Array.from({ length: 200 }, (_, at) => table.restore(address(at), hostPrefix, 70_000, 1));
    table.giveUp(rowList(...rows));
    table.upsert(address(0), hostPrefix, { clusterId: 2, identity: 70_000, nodeIndex: 1 });
    let [portions, taken] = [0, 0];
    for (; table.hasChanges; portions++) taken += table.takeChanges(64).length;
    expect([portions, taken]).toEqual([4, 200]);
    expect(table.isWanted(rows[0] ?? -1)).toBe(true);
  });

  it('writes nothing for a restored address that is claimed as it was', () => {
    const { table } = setUp();
    const row = table.restore(address(1), hostPrefix, 70_000, 1);
    table.upsert(address(1), hostPrefix, { clusterId: 2, identity: 70_000, nodeIndex: 1 });
    expect(program(table)).toEqual({});
    table.giveUp(rowList(row));
    expect(program(table)).toEqual({});
  });

  it('decides every contested address again when ranges change, also where more are contested meanwhile', () => {
    const owners: number[] = [];
    const table = new IpcacheTable({
      ...{ random: seededRandom(1), localClusterId: local, isIdentityKnown: () => true },
      ranges: { owner: () => owners.at(-1), touchesLocal: () => false },
    });
    const contest = (number: number): void => {
      for (const clusterId of [2, 3])
        table.upsert(address(number), hostPrefix, { clusterId, identity: 70_000, nodeIndex: 0 });
    };
    contest(1);
    contest(2);
    table.rangesChanged(false);
    table.reconsider(100);
    owners.push(3);
    table.rangesChanged(false);
    contest(3);
    while (table.isReconsidering) table.reconsider(1);
    const holders = [1, 2, 3].map((number) => table.find(address(number), hostPrefix)?.clusterId);
    expect(holders).toEqual([3, 3, 3]);
  });

  it('ends as the claims say, whatever the order of events', () => {
    const step = fc.record({
      address: fc.integer({ min: 1, max: 4 }),
      clusterId: fc.constantFrom(1, 2, 3, 4),
      identity: fc.option(fc.constantFrom(70_000, 80_000, 80_001), { nil: undefined }),
      learn: fc.option(fc.constantFrom(80_000, 80_001), { nil: undefined }),
      programNow: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { table, identities } = setUp();
        const claims = new Map<number, Map<number, number>>();
        const map = new Map<string, number>();
        const write = (): void => {
          for (const [text, value] of Object.entries(program(table))) {
            if (value === 'gone') map.delete(text);
            else {
              expect(value === 0 || identities.has(value)).toBe(true);
              map.set(text, value);
            }
          }
        };
        for (const { address: number, clusterId, identity, learn, programNow } of steps) {
          const ofAddress = claims.get(number) ?? new Map<number, number>();
          claims.set(number, ofAddress);
          if (identity === undefined) {
            table.remove(address(number), hostPrefix, clusterId);
            ofAddress.delete(clusterId);
          } else {
            table.upsert(address(number), hostPrefix, { clusterId, identity, nodeIndex: 0 });
            ofAddress.set(clusterId, identity);
          }
          if (learn !== undefined) {
            identities.add(learn);
            table.identityKnown(learn);
          }
          if (programNow) write();
        }
        for (const identity of [80_000, 80_001]) {
          identities.add(identity);
          table.identityKnown(identity);
        }
        write();
        const want = new Map<string, number>();
        for (const [number, ofAddress] of claims) {
          const list = [...ofAddress].map(([clusterId, identity]) => ({ clusterId, identity, nodeIndex: 0 }));
          const winner = chooseClaim(list, local, 3);
          if (winner !== undefined) want.set(`10.0.0.${number}`, winner.identity);
        }
        expect(map).toEqual(want);
      }),
    );
  });
});
