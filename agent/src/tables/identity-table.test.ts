import { describe, expect, it } from '@jest/globals';
import type { Label } from '@clustermesh/wire';

import { IdentityTable } from './identity-table.ts';

function label(key: string, value = 'yes', source = 'k8s'): Label {
  return { source, key, value };
}

describe('IdentityTable', () => {
  it('keeps labels as they are listed, the same key twice too', () => {
    const table = new IdentityTable();
    const labels = [label('app', 'web'), label('app', 'shop'), label('app', 'web', 'any'), label('', '')];
    table.upsert({ identity: 70_000, clusterId: 511, labels });
    table.upsert({ identity: 70_001, clusterId: 2, labels: [] });
    expect([...table.rows()]).toEqual([
      { identity: 70_000, clusterId: 511, labels },
      { identity: 70_001, clusterId: 2, labels: [] },
    ]);
  });

  it('forgets labels that nobody has any more, and none that somebody has', () => {
    const table = new IdentityTable();
    const shared = label('app', 'web');
    table.upsert({ identity: 1_000, clusterId: 1, labels: [shared, label('one')] });
    table.upsert({ identity: 2_000, clusterId: 1, labels: [shared, label('two')] });
    table.upsert({ identity: 1_000, clusterId: 1, labels: [shared, label('three')] });
    table.remove(2_000);
    table.upsert({ identity: 3_000, clusterId: 2, labels: [label('four'), shared] });
    expect(table.get(1_000)?.labels).toEqual([shared, label('three')]);
    expect(table.get(2_000)).toBeUndefined();
    expect(table.get(3_000)).toEqual({ identity: 3_000, clusterId: 2, labels: [label('four'), shared] });
    expect(table.size).toBe(2);
  });

  it('is settled when that was said of it, until it goes', () => {
    const table = new IdentityTable();
    table.settle(1_000);
    table.upsert({ identity: 1_000, clusterId: 1, labels: [] });
    expect(table.isSettled(1_000)).toBe(false);
    table.settle(1_000);
    expect(table.isSettled(1_000)).toBe(true);
    table.upsert({ identity: 1_000, clusterId: 1, labels: [label('app')] });
    expect(table.isSettled(1_000)).toBe(true);
    table.remove(1_000);
    expect(table.isSettled(1_000)).toBe(false);
    table.upsert({ identity: 2_000, clusterId: 1, labels: [] });
    expect(table.isSettled(2_000)).toBe(false);
    expect(table.isSettled(1)).toBe(true);
  });
});
