import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { clusterName, type ClusterName } from './cluster.ts';
import {
  canaryKey,
  clusterConfigKey,
  freshnessKey,
  heartbeatKey,
  joinKey,
  metricScope,
  prefixEnd,
  stateToCache,
  syncedPrefix,
} from './keys.ts';
import { kindByName, kinds } from './kinds.ts';
import { parseKey } from './parse-key.ts';

const testdata = (name: string): string => readFileSync(new URL(`../testdata/${name}`, import.meta.url), 'utf8');
const lines = testdata('vectors/keys.tsv').trimEnd().split('\n');
const rows = (name: string): string[][] =>
  lines.map((line) => line.split('\t')).flatMap(([first, ...cells]) => (first === name ? [cells] : []));

/** Go prints ["a" "b"]. */
const list = (text: string): string[] => JSON.parse(text.replaceAll('" "', '","')) as string[];
const c1 = 'c1' as ClusterName;

describe('keys as Cilium builds them', () => {
  it.each([...rows('JoinKey')])('parts %s are joined to %s', (parts = '', key = '') => {
    expect(joinKey(...list(parts))).toBe(JSON.parse(key));
  });

  it.each(rows('StateToCache'))('%s is cached as %s', (state = '', cache = '') => {
    expect(stateToCache(JSON.parse(state) as string)).toBe(JSON.parse(cache));
  });

  it.each(rows('Scope'))('metrics of %s are those of %s', (key = '', scope = '') => {
    expect(metricScope(JSON.parse(key) as string)).toBe(JSON.parse(scope));
  });

  it.each(rows('ClusterName'))('cluster name %s: %s', (name = '', error = '') => {
    expect(clusterName(JSON.parse(name) as string).ok).toBe(error === '<nil>');
  });

  it.each(rows('NodeKey').filter(([parts = '']) => list(parts).every((part) => /^[a-z0-9]+$/.test(part))))(
    'node %s has the key name %s',
    (parts = '', key = '') => {
      const [cluster = '', node = ''] = list(parts);
      const full = kindByName.nodes.statePrefix(cluster as ClusterName) + node;
      expect(full).toBe(`cilium/state/nodes/v1/${JSON.parse(key) as string}`);
    },
  );
});

describe('prefix ends', () => {
  it.each([
    ['cilium/.heartbeat', 'cilium/.heartbeau'],
    ['cilium/state/', 'cilium/state0'],
    ['cilium/synced/c1/', 'cilium/synced/c10'],
    ['a\xff', 'b'],
    ['\xff', '\0'],
    ['', '\0'],
  ])('%j ends at %j', (prefix, end) => {
    expect(prefixEnd(prefix)).toBe(end);
  });
});

describe('kinds', () => {
  it.each([
    ['nodes', 'cilium/state/nodes/v1/c1/', 'cilium/cache/nodes/v1/c1/', false],
    ['identities', 'cilium/state/identities/v1/id/', 'cilium/cache/identities/v1/c1/id/', false],
    ['ip', 'cilium/state/ip/v1/default/', 'cilium/cache/ip/v1/c1/', false],
    ['services', 'cilium/state/services/v1/c1/', 'cilium/cache/services/v1/c1/', true],
    ['serviceexports', 'cilium/state/serviceexports/v1/c1/', 'cilium/cache/serviceexports/v1/c1/', true],
    ['endpointslices', 'cilium/state/endpointslices/v1/c1/', 'cilium/cache/endpointslices/v1/c1/', true],
  ] as const)('%s are under %s and cached under %s', (name, state, cache, revocable) => {
    const kind = kindByName[name];
    expect([kind.name, kind.statePrefix(c1), kind.cachePrefix(c1), kind.revocable]).toEqual([
      name,
      state,
      cache,
      revocable,
    ]);
    expect([kind.stateCanary, kind.cacheCanary]).toEqual([`cilium/state/${name}/v1`, `cilium/cache/${name}/v1`]);
  });

  const config = (serviceExportsEnabled: boolean | undefined, endpointSlicesExportMode: string): string =>
    kinds
      .filter(({ enabled }) =>
        enabled({
          id: 1,
          capabilities: {
            syncedCanaries: true,
            cached: false,
            maxConnectedClusters: 255,
            serviceExportsEnabled,
            endpointSlicesExportMode,
          },
        }),
      )
      .map(({ name }) => name)
      .join(' ');

  it.each([
    ['1.16', undefined, '', 'nodes identities ip services'],
    ['1.17 without service exports', false, '', 'nodes identities ip services serviceexports'],
    ['1.20', true, 'services-and-endpointslices', 'nodes identities ip services serviceexports endpointslices'],
    ['1.20 without services', false, 'endpointslices-only', 'nodes identities ip serviceexports endpointslices'],
  ] as const)('a peer of %s publishes what it announces', (_name, exportsEnabled, mode, want) => {
    expect(config(exportsEnabled, mode)).toBe(want);
  });
});

describe('parsing', () => {
  it.each([
    [heartbeatKey, { kind: 'heartbeat' }],
    [clusterConfigKey(c1), { kind: 'cluster-config', cluster: 'c1' }],
    [freshnessKey(c1), { kind: 'freshness', cluster: 'c1' }],
    [canaryKey(c1, kindByName.ip.cacheCanary), { kind: 'canary', cluster: 'c1', canary: 'cilium/cache/ip/v1' }],
    ...kinds.flatMap(({ name, namesCluster, statePrefix, cachePrefix }) => [
      [
        `${statePrefix(c1)}a/b`,
        { kind: 'entry', resource: name, form: 'state', name: 'a/b', ...(namesCluster && { cluster: 'c1' }) },
      ] as const,
      [`${cachePrefix(c1)}a/b`, { kind: 'entry', resource: name, form: 'cache', name: 'a/b', cluster: 'c1' }] as const,
    ]),
  ] as const)('%s', (key, want) => {
    expect(parseKey(key)).toEqual(want);
  });

  it.each([
    '',
    'cilium',
    'cilium/.heartbeat/x',
    'cilium/.initlock/1/2',
    'cilium/cluster-config/',
    'cilium/cluster-config/c1/x',
    'cilium/cluster-config/C1',
    'cilium/synced/c1/',
    'cilium/state/nodes/v1/c1',
    'cilium/state/nodes/v1/c1/',
    'cilium/state/nodes/v1/C_1/n',
    'cilium/state/nodes/v2/c1/n',
    'cilium/state/noderegister/v1/c1/n',
    'cilium/state/identities/v1/value/k8s:a=b;/10.0.0.1',
    'cilium/cache/identities/v1/c1/locks/x',
    'cilium/state/__proto__/v1/c1/x',
    'cilium/state/constructor/v1/c1/x',
  ])('%j is none of ours', (key) => {
    expect(parseKey(key)).toBeUndefined();
  });

  it('knows every key of a cache of three clusters', () => {
    const keys = testdata('keys-three-clusters.txt').trimEnd().split('\n');
    const counts: Record<string, number> = {};
    for (const key of keys) {
      const parsed = parseKey(key);
      const what =
        parsed?.kind === 'entry' ? `${parsed.form} ${parsed.resource} ${parsed.cluster ?? ''}` : parsed?.kind;
      counts[String(what)] = (counts[String(what)] ?? 0) + 1;
    }
    expect(counts['undefined']).toBeUndefined();
    expect(counts['cache identities cluster-002']).toBe(10);
    expect(counts['cluster-config']).toBe(3);
  });

  it('a cluster is not taken for one whose name goes on', () => {
    expect('cilium/synced/c10/x'.startsWith(syncedPrefix(c1))).toBe(false);
    expect(kinds.some(({ cachePrefix }) => cachePrefix('c10' as ClusterName).startsWith(cachePrefix(c1)))).toBe(false);
  });
});
