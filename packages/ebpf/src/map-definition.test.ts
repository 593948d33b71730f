import { expect, it } from '@jest/globals';
import { definitionDifference, mapFlag, mapTypeOf, type MapDefinition } from './map-definition.ts';

const wanted: MapDefinition = { type: 'hash', keySize: 24, valueSize: 24, maxEntries: 1024, flags: mapFlag.noPrealloc };

it.each([
  { change: {}, want: undefined },
  { change: { type: 'lru_hash' as const }, want: 'type is lru_hash, wanted is hash' },
  { change: { keySize: 20 }, want: 'keySize is 20, wanted is 24' },
  { change: { valueSize: 32 }, want: 'valueSize is 32, wanted is 24' },
  { change: { maxEntries: 2048 }, want: 'maxEntries is 2048, wanted is 1024' },
  { change: { flags: 0 }, want: 'flags is 0, wanted is 1' },
])('a pinned map with $change differs: $want', ({ change, want }) => {
  expect(definitionDifference({ ...wanted, ...change }, wanted)).toBe(want);
});

it('refuses kernel map types that it has no word for', () => {
  expect(() => mapTypeOf(4)).toThrow(expect.objectContaining({ code: 'BPF_UNSUPPORTED' }));
});
