import { describe, expect, it } from '@jest/globals';
import { clusterId, clusterName, maxConnectedClusters, type ClusterId } from './cluster.ts';
import { validateClusterConfig } from './cluster-config.ts';
import { clusterOfIdentity, identityRange, isClusterIndependent } from './numeric-identity.ts';

describe('identity ranges', () => {
  it.each([
    [255, 1, 65_536, 131_071],
    [255, 2, 131_072, 196_607],
    [255, 3, 196_608, 262_143],
    [255, 128, 8_388_608, 8_454_143],
    [255, 255, 16_711_680, 16_777_215],
    [511, 1, 32_768, 65_535],
    [511, 3, 98_304, 131_071],
    [511, 128, 4_194_304, 4_227_071],
    [511, 511, 16_744_448, 16_777_215],
  ] as const)('of %i clusters the %ith has %i..%i', (max, cluster, first, last) => {
    expect(identityRange(cluster as ClusterId, max)).toEqual({ first, last });
    expect([clusterOfIdentity(first, max), clusterOfIdentity(last, max)]).toEqual([cluster, cluster]);
  });

  it('cluster 0 begins behind the fixed ones', () => {
    expect(identityRange(0, 255)).toEqual({ first: 256, last: 65_535 });
    expect([255, 256].map(isClusterIndependent)).toEqual([true, false]);
  });
});

describe('cluster names, ids and sizes', () => {
  it.each(['a', 'c1', 'my-cluster-01', 'a'.repeat(32)])('%s is a name', (text) => {
    expect(clusterName(text)).toEqual({ ok: true, value: text });
  });

  it.each(['', '-a', 'a-', 'A', 'a_b', 'a.b', 'a'.repeat(33), 'a\n', 'ä'])('%j is none', (text) => {
    expect(clusterName(text).ok).toBe(false);
  });

  it.each([
    [1, 255, true],
    [255, 255, true],
    [256, 255, false],
    [511, 511, true],
    [512, 511, false],
    [0, 255, false],
    [-1, 255, false],
    [1.5, 255, false],
  ] as const)('id %d of %i: %s', (id, max, isTaken) => {
    expect(clusterId(id, max).ok).toBe(isTaken);
  });

  it.each([
    [255, true],
    [511, true],
    [300, false],
    [0, false],
  ])('a mesh of %i: %s', (max, isTaken) => {
    expect(maxConnectedClusters(max).ok).toBe(isTaken);
  });

  it('a mesh of 511 takes nobody who does not say the same', () => {
    const config = (max: number): string | undefined =>
      validateClusterConfig(
        {
          id: 3,
          capabilities: {
            syncedCanaries: true,
            cached: false,
            maxConnectedClusters: max,
            endpointSlicesExportMode: '',
          },
        },
        511,
      );
    expect([511, 255, 0].map((max) => config(max) === undefined)).toEqual([true, false, false]);
  });
});
