import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

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

  it('keeps the right value for each key, whatever is put and deleted', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 300 }), value: fc.option(fc.nat(3)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1_000 }), (steps) => {
        const known = new KnownKeys();
        const model = new Map<string, number>();
        for (const { key, value } of steps) {
          const name = `k${key}`;
          if (value === null) {
            expect(known.delete(name)).toBe(model.delete(name));
          } else {
            expect(known.put(name, bytes(`${value}`))).toBe(model.get(name) !== value);
            model.set(name, value);
          }
        }
        expect([...known.keys()].sort()).toEqual([...model.keys()].sort());
        expect(known.size).toBe(model.size);
        for (const [name, value] of model) expect(known.matches(name, bytes(`${value}`))).toBe(true);
      }),
    );
  });
});
