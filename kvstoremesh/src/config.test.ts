import { describe, expect, it } from '@jest/globals';

import { loadConfig } from './config.ts';

const load = (...argv: string[]): ReturnType<typeof loadConfig> =>
  loadConfig({ argv: ['--cluster-name=local', '--cluster-id=1', ...argv], env: {} });

describe('loadConfig', () => {
  it('has the durations of production, in milliseconds', () => {
    expect(load().settings).toEqual({
      clusterName: 'local',
      clusterId: 1,
      maxConnectedClusters: 255,
      heartbeatIntervalMs: 60_000,
      contactIntervalMs: 10_000,
      drainGraceMs: 180_000,
      cacheTtlMs: 0,
      perClusterReadyTimeoutMs: 15_000,
      globalReadyTimeoutMs: 600_000,
    });
  });

  it.each([
    ['--drain-grace=3', '--drain-grace (or CLUSTERMESH_DRAIN_GRACE): "3" is not a duration'],
    ['--max-connected-clusters=300', 'neither 255 nor 511'],
    ['--cluster-id=0', 'cluster id 0 is reserved'],
    ['--cluster-id=256', 'cluster id 256 is above 255'],
    ['--cluster-name=Local', 'cluster name must be'],
    ['--cluster-name=default', '"default" is not allowed'],
    ['--colour=blue', '--colour'],
  ])('refuses %s', (flag, message) => {
    expect(() => load(flag)).toThrow(message);
  });

  it('has room for ids up to 511 in a large mesh', () => {
    expect(load('--cluster-id=511', '--max-connected-clusters=511').settings.clusterId).toBe(511);
  });
});
