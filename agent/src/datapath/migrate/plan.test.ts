import { describe, expect, it } from '@jest/globals';
import type { BpfMapType, MapDefinition } from '@clustermesh/ebpf';

import { transformsFrom } from './abi-steps.ts';
import type { Abi, RecordTransform } from './abi-steps.ts';
import { isInPlace, planMigration, planReplacement } from './plan.ts';
import type { PinnedMap, Planned } from './plan.ts';

const hash: MapDefinition = { type: 'hash', keySize: 24, valueSize: 24, maxEntries: 64, flags: 1 };
const meta: MapDefinition = { type: 'array', keySize: 4, valueSize: 88, maxEntries: 1, flags: 0 };
const widen: RecordTransform = ({ key, value }) => ({ key, value: Uint8Array.of(...value, 0, 0) });
const drop: RecordTransform = () => undefined;

const abi: Abi = {
  version: 3,
  steps: [
    { from: 1, to: 2, maps: { svc: widen } },
    { from: 2, to: 3, maps: { svc: widen, ep_if: drop } },
  ],
};

interface Case {
  readonly name: string;
  readonly wanted?: Partial<MapDefinition>;
  readonly pinned?: Partial<MapDefinition>;
  readonly used?: number;
  readonly foundAbi?: number;
  readonly want: object;
  readonly notice?: RegExp;
  readonly size?: number;
}

function plan({ wanted = {}, pinned = {}, used = 0, foundAbi = 3 }: Omit<Case, 'name' | 'want'>): Planned {
  const found: PinnedMap = { definition: { ...hash, ...pinned }, used: () => used };
  return planMigration({
    abi,
    foundAbi,
    wanted: new Map([['svc', { ...hash, ...wanted }]]),
    pinned: new Map([['svc', found]]),
  });
}

describe('planMigration', () => {
  it.each<Case>([
    { name: 'the same definition goes on', want: { kind: 'keep' } },
    { name: 'a larger map is a copy', wanted: { maxEntries: 128 }, want: { kind: 'copy' } },
    { name: 'a smaller one too, if all has room', wanted: { maxEntries: 8 }, used: 8, want: { kind: 'copy' } },
    {
      name: 'a map does not become smaller than what is in use',
      wanted: { maxEntries: 8 },
      used: 9,
      want: { kind: 'keep' },
      size: 64,
      notice: /map svc keeps 64 entries: 8 have no room/,
    },
    {
      name: 'an LRU map does: it evicts',
      wanted: { type: 'lru_hash', maxEntries: 8 },
      pinned: { type: 'lru_hash' },
      used: 64,
      want: { kind: 'copy' },
    },
    { name: 'other flags are a copy', wanted: { flags: 0 }, want: { kind: 'copy' } },
    { name: 'another type with the same records is a copy', pinned: { type: 'lru_hash' }, want: { kind: 'copy' } },
    {
      name: 'maps that nobody has filled are made anew',
      foundAbi: 0,
      wanted: { valueSize: 8 },
      want: { kind: 'create' },
    },
    {
      name: 'a step transforms',
      foundAbi: 2,
      pinned: { valueSize: 22 },
      want: { kind: 'copy', transform: widen },
    },
    {
      name: 'also where the size of the records stays',
      foundAbi: 2,
      want: { kind: 'copy', transform: widen, reason: 'layout 2 becomes 3' },
    },
    {
      name: 'with the layout a map does not also become smaller',
      foundAbi: 2,
      pinned: { valueSize: 22 },
      wanted: { maxEntries: 8 },
      want: { kind: 'copy' },
      size: 64,
      notice: /keeps 64/,
    },
    ...(['sk_storage', 'ringbuf'] as const satisfies readonly BpfMapType[]).map((type) => ({
      name: `what a ${type} holds is lost, and that is said`,
      pinned: { type, valueSize: 8 },
      wanted: { type },
      want: { kind: 'create' },
      notice: /map svc starts empty/,
    })),
  ])('$name', ({ want, notice, size, ...input }) => {
    const planned = plan(input);
    if (planned.kind === 'mismatch') throw new Error(planned.reason);
    expect(planned.plan.maps.get('svc')).toMatchObject(want);
    expect(planned.plan.sizes).toEqual(size === undefined ? {} : { svc: size });
    expect(planned.plan.notices).toEqual(notice === undefined ? [] : [expect.stringMatching(notice)]);
  });

  it.each<Omit<Case, 'want'> & { readonly reason: RegExp }>([
    { name: 'a newer layout', foundAbi: 4, reason: /layout has version 4, this agent knows 3/ },
    { name: 'one that no step leads from', foundAbi: 9, reason: /version 9/ },
    { name: 'other records of the same version', pinned: { valueSize: 16 }, reason: /of map svc valueSize is 16/ },
  ])('refuses $name', ({ reason, ...input }) => {
    expect(plan(input)).toEqual({ kind: 'mismatch', reason: expect.stringMatching(reason) });
  });

  it('makes maps that are not there yet, beside those that go on', () => {
    const pinned = new Map([['svc', { definition: hash, used: () => 0 }]]);
    const wanted = new Map([
      ['svc', hash],
      ['aff', hash],
    ]);
    const planned = planMigration({ abi, foundAbi: 3, wanted, pinned });
    expect(planned).toMatchObject({ kind: 'plan', plan: { sizes: {}, notices: [] } });
    if (planned.kind === 'plan') expect(isInPlace(planned.plan, pinned)).toBe(true);
  });

  it('never copies meta, and makes a new one for another version', () => {
    const metaPlan = (foundAbi: number, valueSize: number): unknown => {
      const pinned = new Map([['meta', { definition: { ...meta, valueSize }, used: () => 1 }]]);
      const planned = planMigration({ abi, foundAbi, wanted: new Map([['meta', meta]]), pinned });
      return planned.kind === 'plan' ? { ...planned.plan.maps.get('meta'), notices: planned.plan.notices } : planned;
    };
    expect(metaPlan(3, 88)).toEqual({ kind: 'keep', notices: [] });
    expect(metaPlan(0, 88)).toEqual({ kind: 'keep', notices: [] });
    expect(metaPlan(2, 88)).toEqual({ kind: 'create', notices: [] });
    expect(metaPlan(3, 56)).toEqual({ kind: 'create', notices: [] });
  });

  it('a replacement makes everything anew', () => {
    const replacement = planReplacement(new Map([['svc', hash]]));
    expect(replacement.maps.get('svc')).toEqual({ kind: 'create' });
    expect(isInPlace(replacement, new Map([['svc', { definition: hash, used: () => 0 }]]))).toBe(false);
  });
});

describe('transformsFrom', () => {
  const record = { key: Uint8Array.of(1), value: Uint8Array.of(2) };

  it('chains the steps of neighbouring versions', () => {
    const transforms = transformsFrom(1, abi);
    expect([...(transforms?.keys() ?? [])]).toEqual(['svc', 'ep_if']);
    expect(transforms?.get('svc')?.(record)).toEqual({ ...record, value: Uint8Array.of(2, 0, 0, 0, 0) });
    expect(transforms?.get('ep_if')?.(record)).toBeUndefined();
  });

  it('has nothing to do for the same version, and no way from others', () => {
    expect(transformsFrom(3, abi)).toEqual(new Map());
    expect(transformsFrom(4, abi)).toBeUndefined();
    expect(transformsFrom(1, { version: 3, steps: [{ from: 2, to: 3, maps: {} }] })).toBeUndefined();
  });

  it('drops a record in the middle of a chain', () => {
    const steps = [
      { from: 1, to: 2, maps: { svc: drop } },
      { from: 2, to: 3, maps: { svc: widen } },
    ];
    expect(transformsFrom(1, { version: 3, steps })?.get('svc')?.(record)).toBeUndefined();
  });
});
