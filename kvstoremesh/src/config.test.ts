import { describe, expect, it } from '@jest/globals';

import { loadConfig } from './config.ts';
import { defaultLimits, limitsOf } from './limits/remote-limits.ts';

const load = (...argv: string[]): ReturnType<typeof loadConfig> =>
  loadConfig({ argv: ['--cluster-name=local', '--cluster-id=1', ...argv], env: {} });

describe('loadConfig', () => {
  it('has the durations of production, in milliseconds', () => {
    expect(load().settings).toEqual({
      clusterName: 'local',
      clusterId: 1,
      limits: defaultLimits,
      maxConnectedClusters: 255,
      heartbeatIntervalMs: 60_000,
      contactIntervalMs: 10_000,
      drainGraceMs: 180_000,
      keepsRemoved: false,
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
    ['--remote-max-keys=0', '--remote-max-keys'],
    ['--remote-max-bytes=lots', '"lots" is not a size'],
    ['--remote-limits=east/max-keyz=3', '--remote-limits: "east/max-keyz=3" is no limit'],
    ['--colour=blue', '--colour'],
  ])('refuses %s', (flag, message) => {
    expect(() => load(flag)).toThrow(message);
  });

  it.each([
    { argv: [], want: { etcd: '/var/lib/cilium/etcd-config.yaml', writeRate: undefined, leaderElection: 'auto' } },
    {
      argv: [
        '--kvstore-opt=etcd.config=/e.yaml',
        '--kvstore-opt=etcd.qps=100',
        '--kvstore-opt=etcd.bootstrapQps=10000',
      ],
      want: { etcd: '/e.yaml', writeRate: { perSecond: 100, whileStarting: 10_000 } },
    },
    { argv: ['--kvstore-opt', 'etcd.maxInflight=10'], want: { etcdTuning: { maxInFlight: 10 } } },
    { argv: [], want: { apiServeAddr: { host: 'localhost', port: 9_889 }, prometheusServeAddr: undefined } },
    { argv: ['--prometheus-serve-addr=:9964'], want: { prometheusServeAddr: { host: '', port: 9_964 } } },
    { argv: ['--api-serve-addr='], want: { apiServeAddr: undefined } },
    { argv: ['-D', '--pprof'], want: { logLevel: 'debug', pprof: true, pprofPort: 6_064 } },
  ])('takes Cilium’s $argv', ({ argv, want }) => {
    expect(load(...argv)).toMatchObject(want);
  });

  it('mirrors into a Redis where it is told to, and shows no password of a URL that is wrong', () => {
    const url = 'redis+sentinel://s1,s2/cache/1';
    const { redis } = load(`--cache=${url}`, '--cache-credentials=/run/cache');
    expect(redis).toMatchObject({ url, credentials: '/run/cache' });
    expect(load()).toMatchObject({ cache: 'etcd', redis: undefined });
    const message = '--cache: redis://host/cache: the path ends with the number of a database';
    expect(() => load('--cache=redis://user:secret@host/cache')).toThrow(new Error(message));
  });

  it('has limits for all remote clusters and for single ones', () => {
    const { limits } = load(
      '--remote-max-keys=9',
      '--remote-max-bytes=2Ki',
      '--remote-limits=a/max-keys=1,a/max-bytes=1Gi',
    ).settings;
    expect(limitsOf(limits, 'a')).toMatchObject({ maxKeys: 1, maxBytes: 1024 ** 3, maxValueBytes: 1_535 * 1024 });
    expect(limitsOf(limits, 'b')).toMatchObject({ maxKeys: 9, maxBytes: 2048 });
  });

  it('has room for ids up to 511 in a large mesh', () => {
    expect(load('--cluster-id=511', '--max-connected-clusters=511').settings.clusterId).toBe(511);
  });
});
