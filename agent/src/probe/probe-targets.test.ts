import { describe, expect, it } from '@jest/globals';
import { parseIp } from '@clustermesh/wire';

import type { NodeRow } from '../tables/node-table.ts';
import { probeTargets } from './probe-targets.ts';

function row(clusterId: number, cluster: string, name: string, underlay?: string): NodeRow {
  const none = { number: 1, podCidrs: [], addresses: [], inside: [] };
  return { ...none, clusterId, cluster, name, underlay: parseIp(underlay ?? '') };
}

function targetsOf(rows: readonly NodeRow[]): unknown {
  const nodes = { rows: () => rows.values() };
  const nodeIndexes = { find: (underlay: Uint8Array) => (underlay[15] === 99 ? undefined : underlay[15]) };
  const targets = [...probeTargets({ nodes, nodeIndexes, localClusterId: 1 })];
  return targets.map(({ index, cluster, node }) => `${index} ${cluster}/${node}`);
}

describe('probeTargets', () => {
  it.each([
    { name: 'nodes of other clusters', rows: [row(2, 'east', 'n1', '172.30.2.11')], want: ['11 east/n1'] },
    { name: 'not our own', rows: [row(1, 'west', 'n1', '172.30.1.11')], want: [] },
    { name: 'not one without an address', rows: [row(2, 'east', 'n1')], want: [] },
    { name: 'not one for which the map had no room', rows: [row(2, 'east', 'n1', '172.30.2.99')], want: [] },
  ])('are $name', ({ rows, want }) => {
    expect(targetsOf(rows)).toEqual(want);
  });
});
