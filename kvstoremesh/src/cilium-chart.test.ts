import { describe, expect, it } from '@jest/globals';

import { kvstoremeshConfig, loadConfig } from './config.ts';

/** What Cilium's charts give the container `kvstoremesh`, by release. */
const store = [
  '--kvstore-opt=etcd.qps=100',
  '--kvstore-opt=etcd.bootstrapQps=10000',
  '--kvstore-opt=etcd.maxInflight=10',
];
const always = [
  ...['--cluster-name=east', '--cluster-id=7', ...store, '--clustermesh-config=/var/lib/cilium/clustermesh'],
  ...['--max-connected-clusters=255', '--health-port=9881'],
];
const internal = [...always, '--kvstore-opt=etcd.config=/var/lib/cilium/etcd-config.yaml'];
const external = [...always, '--kvstore-opt=etcd.config=/var/lib/etcd-config/etcd.config'];
const metrics = ['--prometheus-serve-addr=:9964', '--controller-group-metrics=all'];

const usual = {
  ...{ etcd: '/var/lib/cilium/etcd-config.yaml', clustermeshConfig: '/var/lib/cilium/clustermesh' },
  ...{ writeRate: { perSecond: 100, whileStarting: 10_000 }, etcdTuning: { maxInFlight: 10 } },
  ...{ healthHost: '', healthPort: 9_881, apiServeAddr: { host: 'localhost', port: 9_889 } },
  ...{ prometheusServeAddr: undefined, logLevel: 'info', enableHeartbeat: false, leaderElection: 'auto' },
};
const settings = {
  ...{ clusterName: 'east', clusterId: 7, maxConnectedClusters: 255, cacheTtlMs: 0 },
  ...{ perClusterReadyTimeoutMs: 15_000, globalReadyTimeoutMs: 600_000 },
};

describe('the container kvstoremesh of Cilium’s chart', () => {
  it.each([
    { of: '1.16', argv: internal, want: {} },
    { of: '1.16 with debug', argv: ['--debug', ...internal], want: { logLevel: 'debug' } },
    {
      of: '1.18 with metrics',
      argv: [...internal, ...metrics],
      want: { prometheusServeAddr: { host: '', port: 9_964 } },
    },
    {
      of: '1.18 on an external etcd',
      argv: [...external, '--enable-heartbeat=true'],
      want: { etcd: '/var/lib/etcd-config/etcd.config', enableHeartbeat: true },
    },
    {
      of: '1.20',
      argv: [...internal, ...metrics, '--clustermesh-cache-ttl=10m', '--enable-heartbeat=false'],
      want: { prometheusServeAddr: { host: '', port: 9_964 }, settings: { ...settings, cacheTtlMs: 600_000 } },
    },
    {
      of: 'extraArgs that people give',
      argv: [
        ...[...internal, '--per-cluster-ready-timeout=30s', '--global-ready-timeout=5m', '--pprof', '--pprof-port=7'],
        ...['--api-serve-addr=localhost:9999', '--enable-gops=false', '--gops-port=9894', '--kvstore-lease-ttl=30m'],
        ...['--clustermesh-service-v2=prefer-legacy', '--shell-sock-path=/s', '--kvstore=etcd'],
      ],
      want: {
        ...{ apiServeAddr: { host: 'localhost', port: 9_999 }, pprof: true, pprofPort: 7, kvstoreLeaseTtl: 1_800_000 },
        settings: { ...settings, perClusterReadyTimeoutMs: 30_000, globalReadyTimeoutMs: 300_000 },
      },
    },
  ])('means what it means to Cilium: $of', ({ argv, want }) => {
    expect(loadConfig({ argv, env: { CLUSTER_NAME: 'east' } })).toMatchObject({ ...usual, settings, ...want });
  });

  it('is told what has no effect', () => {
    const inert = kvstoremeshConfig.inert({ argv: [...internal, ...metrics], env: {} });
    expect(inert.map(({ flag }) => flag)).toEqual(['controller-group-metrics']);
  });
});
