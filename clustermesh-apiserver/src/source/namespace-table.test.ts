import { describe, expect, it } from '@jest/globals';

import { aNamespace } from '../testing/objects.ts';
import { NamespaceTable } from './namespace-table.ts';

const global = (value: string): Record<string, string> => ({ 'clustermesh.cilium.io/global': value });

function setUp(globalByDefault: boolean): { readonly table: NamespaceTable; readonly told: string[] } {
  const table = new NamespaceTable(globalByDefault);
  const told: string[] = [];
  table.onChange((name) => void told.push(`${name} ${table.isGlobal(name)}`));
  return { table, told };
}

describe('NamespaceTable', () => {
  it.each([true, false])(
    'takes no namespace that it does not know for global, where %j is the default',
    (byDefault) => {
      expect(setUp(byDefault).table.isGlobal('shop')).toBe(false);
    },
  );

  it('withdraws what is in a namespace that is deleted, whatever it said, and brings it back', () => {
    const { table, told } = setUp(true);
    for (const namespace of [aNamespace('shop'), aNamespace('office', global('TRUE'))]) {
      table.upserted(namespace);
      table.deleted(namespace);
      table.upserted(namespace);
    }
    expect(told).toEqual(['shop true', 'shop false', 'shop true', 'office true', 'office false', 'office true']);
  });

  it('tells of what makes a difference, and of nothing else', () => {
    const { table, told } = setUp(false);
    table.upserted(aNamespace('shop', global('true')));
    table.upserted(aNamespace('shop', { ...global('True'), a: 'b' }));
    table.upserted(aNamespace('shop', global('no')));
    table.upserted(aNamespace('shop'));
    expect(told).toEqual(['shop true', 'shop false']);
  });
});
