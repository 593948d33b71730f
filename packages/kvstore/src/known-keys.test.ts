import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { KeyTable } from './key-table/key-table.ts';
import { KnownKeys } from './known-keys.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('KnownKeys', () => {
  it('tells a new value from the known one', () => {
    const known = new KnownKeys();
    expect(known.put('a', bytes('1'))).toBe(true);
    expect(known.put('a', bytes('1'))).toBe(false);
    expect(known.put('a', bytes('2'))).toBe(true);
    expect(known.matches('a', bytes('2'))).toBe(true);
    expect(known.matches('a', bytes('1'))).toBe(false);
    expect(known.matches('b', bytes('2'))).toBe(false);
  });

  it('finds what a listing has not named', () => {
    const known = new KnownKeys();
    for (const key of ['a', 'b', 'c', 'd']) known.put(key, bytes('1'));
    known.startListing();
    known.put('a', bytes('1'));
    known.touch('c');
    expect([...known.unlisted()]).toEqual(['b', 'd']);
  });

  it('may lose keys while they are told', () => {
    const known = new KnownKeys();
    for (const key of ['a', 'b', 'c']) known.put(key, bytes('1'));
    for (const key of known.keys()) known.delete(key);
    expect([known.size, known.has('b')]).toEqual([0, false]);
  });

  it('keeps the right value and listing for each key, in two sets that share a table', () => {
    const step = fc.record({
      set: fc.nat(1),
      key: fc.integer({ min: 0, max: 300 }),
      does: fc.oneof(
        fc.nat(3),
        fc.constantFrom('delete' as const, 'touch' as const, 'list' as const, 'move' as const, 'clear' as const),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = new KeyTable();
        const sets = [modelled(table), modelled(table)] as const;
        for (const { set, key, does } of steps) sets[set as 0 | 1].step(`east/k${key}`, does, sets[set === 0 ? 1 : 0]);
        for (const { known, model } of sets) {
          expect([...known.keys()].sort()).toEqual([...model.keys()].sort());
          expect(known.size).toBe(model.size);
          expect([...known.unlisted()].sort()).toEqual(
            [...model].flatMap(([k, { listed }]) => (listed ? [] : [k])).sort(),
          );
          for (const [name, { value }] of model) {
            expect(known.matches(name, bytes(`${value}`))).toBe(true);
            expect(known.sizeOf(name)).toBe(`${value}`.length);
          }
        }
      }),
    );
  });
});

type Does = number | 'delete' | 'touch' | 'list' | 'move' | 'clear';

/** A set and what it should be; each step is done to both. */
function modelled(table: KeyTable) {
  const known = new KnownKeys(table);
  const model = new Map<string, { value: number; listed: boolean }>();
  const step = (key: string, does: Does, other: { known: KnownKeys; model: typeof model }): void => {
    const mine = model.get(key);
    if (typeof does === 'number') {
      expect(known.put(key, bytes(`${does}`))).toBe(mine?.value !== does);
      model.set(key, { value: does, listed: true });
    } else if (does === 'delete') expect(known.delete(key)).toBe(model.delete(key));
    else if (does === 'move') {
      known.moveFrom(other.known, key);
      const theirs = other.model.get(key);
      other.model.delete(key);
      if (theirs !== undefined) model.set(key, { ...theirs, listed: true });
    } else if (does === 'touch') {
      known.touch(key);
      if (mine !== undefined) mine.listed = true;
    } else if (does === 'clear') {
      known.clear();
      model.clear();
    } else {
      known.startListing();
      for (const each of model.values()) each.listed = false;
    }
  };
  return { known, model, step };
}
