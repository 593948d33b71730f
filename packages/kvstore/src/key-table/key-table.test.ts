import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { KeyTable } from './key-table.ts';

/** Names of a few characters, of hundreds, and larger than a chunk; alone, in folders of their own and in common ones. */
const aKey = fc
  .tuple(fc.constantFrom('', 'a/', 'a/b/', 'cilium/state/ip/v1/east/'), fc.nat(200), fc.constantFrom('', '/', '/x/'))
  .map(([folder, index, end]) => folder + nameOf(index) + end);

function nameOf(index: number): string {
  const name = `n${index}\xff`;
  if (index % 50 === 0) return name.padEnd(20_000, 'x');
  return index % 10 === 0 ? name.padEnd(240 + index, 'y') : name;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Twice: memory of buffers is given back beside the program, at the latest when it is collected again. */
function collectGarbage(): void {
  collect();
  collect();
}

function heldBytes(work: () => unknown): number {
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const kept = work();
  collectGarbage();
  const bytes = process.memoryUsage().arrayBuffers - before;
  return kept === undefined ? 0 : bytes;
}

describe('KeyTable', () => {
  it.each([{ maxFolders: 65_535 }, { maxFolders: 2 }])(
    'has a slot of its own for each key that is held, with $maxFolders folders',
    ({ maxFolders }) => {
      const step = fc.record({ key: aKey, holds: fc.boolean() });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
          const table = new KeyTable(maxFolders);
          const model = new Map<string, { slot: number; holders: number }>();
          for (const { key, holds } of steps) {
            const held = model.get(key);
            expect(table.find(key)).toBe(held?.slot ?? -1);
            if (holds) {
              const slot = table.hold(key);
              expect(slot).toBe(held?.slot ?? slot);
              model.set(key, { slot, holders: (held?.holders ?? 0) + 1 });
            } else if (held !== undefined) {
              table.release(held.slot);
              held.holders--;
              if (held.holders === 0) model.delete(key);
            }
          }
          expect(new Set([...model.values()].map(({ slot }) => slot)).size).toBe(model.size);
          for (const [key, { slot }] of model) {
            expect(table.find(key)).toBe(slot);
            expect(table.keyAt(slot)).toBe(key);
            expect(slot).toBeLessThan(table.slots);
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  it('finds each of many, also when most have gone again', () => {
    const table = new KeyTable();
    const key = (index: number): string =>
      `cilium/state/ip/v1/east/10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const slots = Array.from({ length: 40_000 }, (_, index) => table.hold(key(index)));
    for (const [index, slot] of slots.entries()) if (index % 10 !== 0) table.release(slot);
    const found = slots.filter((slot, index) => table.find(key(index)) === slot);
    expect(found).toEqual(slots.filter((_, index) => index % 10 === 0));
    expect(found.map((slot) => table.keyAt(slot))).toEqual(found.map((_, index) => key(index * 10)));
  });

  it('takes 20 to 30 bytes a key beside its name, and nothing for none', () => {
    const count = 100_000;
    const name = (index: number): string => `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    const nameBytes = Array.from({ length: count }, (_, index) => name(index).length).reduce((a, b) => a + b);
    const bytes = heldBytes(() => {
      const table = new KeyTable();
      for (let index = 0; index < count; index++) table.hold(`cilium/state/ip/v1/east/${name(index)}`);
      return table;
    });
    expect((bytes - nameBytes) / count).toBeLessThan(30);
    expect(heldBytes(() => Array.from({ length: 1_000 }, () => new KeyTable()))).toBeLessThanOrEqual(0);
  });

  it('uses the room of what was deleted, whatever the lengths', () => {
    const table = new KeyTable();
    const slots: number[] = [];
    const bytes = heldBytes(() => {
      for (let index = 0; index < 200_000; index++) {
        slots.push(table.hold(`a/${index}`.padEnd(10 + (index >> 11), 'x')));
        if (slots.length > 1_000) table.release(slots.shift() ?? -1);
      }
      return table;
    });
    // A thousand of 107 bytes, as much garbage, a chunk or two, and the index.
    expect(bytes).toBeLessThan(350_000);
    for (const slot of slots) table.release(slot);
    expect(table.slots).toBe(0);
  });
});
