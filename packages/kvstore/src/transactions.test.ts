import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { KvOp } from './kv-store.ts';
import { planTransactions } from './transactions.ts';

const put = (key: string, size = 1): KvOp => ({ kind: 'put', key, value: new Uint8Array(size) });
const limits = { ops: 3, bytes: 1_000 };

describe('planTransactions', () => {
  it.each<{ name: string; ops: KvOp[]; want: string[][][] }>([
    { name: 'nothing for nothing', ops: [], want: [] },
    { name: 'one batch', ops: [put('a'), put('b')], want: [[['a', 'b']]] },
    {
      name: 'no more ops than allowed',
      ops: ['a', 'b', 'c', 'd'].map((key) => put(key)),
      want: [[['a', 'b', 'c'], ['d']]],
    },
    { name: 'no more bytes than allowed', ops: [put('a', 500), put('b', 500)], want: [[['a'], ['b']]] },
    { name: 'what is too large alone', ops: [put('a'), put('b', 2_000), put('c')], want: [[['a'], ['b'], ['c']]] },
    { name: 'one op a key', ops: [put('a'), { kind: 'delete', key: 'a' }], want: [[['a']]] },
    {
      name: 'a prefix by itself, in its order',
      ops: [put('p/a'), { kind: 'delete-prefix', prefix: 'p/' }, put('p/a')],
      want: [[['p/a']], [['p/']], [['p/a']]],
    },
  ])('plans $name', ({ ops, want }) => {
    const plan = planTransactions(ops, limits);
    expect(plan.map((stage) => stage.map((batch) => batch.map(name)))).toEqual(want);
  });

  it('leaves a batch of an earlier plan as it is', () => {
    const [[batch] = []] = planTransactions([put('a'), put('b'), put('a', 2)]);
    expect(batch?.map(name)).toEqual(['a', 'b']);
    expect(planTransactions(batch ?? [])[0]?.[0]).toBe(batch);
  });

  it('loses no last op of a key, and meets no key twice in a stage', () => {
    const op = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), size: fc.nat(900) });
    fc.assert(
      fc.property(fc.array(op), (steps) => {
        const ops = steps.map(({ key, size }) => put(key, size));
        const [stage = []] = planTransactions(ops, limits);
        const planned = stage.flat();
        const last = new Map(ops.map((each) => [name(each), each]));
        expect(new Set(planned)).toEqual(new Set(last.values()));
        expect(planned).toHaveLength(last.size);
      }),
    );
  });
});

function name(op: KvOp): string {
  return op.kind === 'delete-prefix' ? op.prefix : op.key;
}
