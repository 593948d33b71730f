import { describe, expect, it } from '@jest/globals';

import { apiserverConfig, loadConfig } from './config.ts';
import { etcdinitConfig } from './etcdinit/config.ts';

/** What Cilium's charts give the container `apiserver`, by release; the kubelet has put in `$(CLUSTER_NAME)` and others. */
const always = [
  ...['--cluster-name=east', '--cluster-id=7', '--kvstore-opt=etcd.config=/var/lib/cilium/etcd-config.yaml'],
  ...['--kvstore-opt=etcd.bootstrapQps=10000', '--max-connected-clusters=255', '--health-port=9880'],
];
const release = {
  '1.16': [...always, '--kvstore-opt=etcd.qps=20', '--enable-external-workloads=false'],
  '1.18': [...always, '--kvstore-opt=etcd.qps=20'],
  '1.20': [...always, '--kvstore-opt=etcd.qps=50', '--clustermesh-default-global-namespace=true'],
};
const users = ['--cluster-users-enabled', '--cluster-users-config-path=/var/lib/cilium/etcd-config/users.yaml'];
const metrics = ['--prometheus-serve-addr=:9962', '--controller-group-metrics=all'];
/** Cilium reads none of these any more; charts go on setting them. */
const environment = {
  CLUSTER_NAME: 'east',
  CLUSTER_ID: '7',
  ENABLE_K8S_ENDPOINT_SLICE: 'true',
  CLUSTERMESH_SOURCE: 'cilium',
};

const usual = {
  cluster: { name: 'east', id: 7, maxConnectedClusters: 255 },
  source: 'cilium',
  etcd: '/var/lib/cilium/etcd-config.yaml',
  healthHost: '',
  healthPort: 9_880,
  prometheusServeAddr: undefined,
  clusterUsersEnabled: false,
  clustermeshEnableMcsApi: false,
  clustermeshDefaultGlobalNamespace: true,
  endpointslicesExport: 'off',
  logLevel: 'info',
  pprof: false,
  kube: { kubeconfig: undefined, servers: [], rate: undefined },
};
const slow = { writeRate: { perSecond: 20, whileStarting: 10_000 } };
const fast = { writeRate: { perSecond: 50, whileStarting: 10_000 } };
const admitting = { clusterUsersEnabled: true, clusterUsersConfigPath: '/var/lib/cilium/etcd-config/users.yaml' };

describe('the container apiserver of Cilium’s chart', () => {
  it.each([
    { of: '1.16, auth mode legacy', argv: release['1.16'], want: slow },
    { of: '1.16, migration or cluster', argv: [...release['1.16'], ...users], want: { ...slow, ...admitting } },
    {
      of: '1.16 with metrics',
      argv: [...release['1.16'], ...metrics],
      want: { ...slow, prometheusServeAddr: { host: '', port: 9_962 } },
    },
    { of: '1.16 with debug', argv: ['--debug', ...release['1.16']], want: { ...slow, logLevel: 'debug' } },
    { of: '1.18', argv: [...release['1.18'], ...users], want: { ...slow, ...admitting } },
    {
      of: '1.18 with MCS',
      argv: [...release['1.18'], '--clustermesh-enable-mcs-api'],
      want: { ...slow, clustermeshEnableMcsApi: true },
    },
    {
      of: '1.18 with slices of endpoints, outside of pods’ network',
      argv: [...release['1.18'], '--enable-cilium-endpoint-slice', '--k8s-api-server=https://10.0.0.1:6443'],
      want: {
        ...{ ...slow, enableCiliumEndpointSlice: true },
        kube: { kubeconfig: undefined, servers: [new URL('https://10.0.0.1:6443')], rate: undefined },
      },
    },
    { of: '1.20', argv: release['1.20'], want: fast },
    {
      of: '1.20, namespaces not global by default, services as slices, everything else on',
      argv: [
        ...[
          ...release['1.20'].slice(0, -1),
          '--clustermesh-default-global-namespace=false',
          ...users,
          ...metrics,
          '-D',
        ],
        ...['--clustermesh-enable-mcs-api=true', '--clustermesh-mcs-api-install-crds=true'],
        ...['--clustermesh-service-v2=prefer-endpointslice', '--pprof', '--pprof-port=6063', '--gops-port=9892'],
      ],
      want: {
        ...{ ...fast, ...admitting, clustermeshDefaultGlobalNamespace: false, clustermeshEnableMcsApi: true },
        ...{ endpointslicesExport: 'services-and-endpointslices', pprof: true, pprofPort: 6_063, logLevel: 'debug' },
        prometheusServeAddr: { host: '', port: 9_962 },
      },
    },
    {
      of: 'the mesh of 511',
      argv: [...release['1.20'], '--max-connected-clusters=511'],
      want: { ...fast, cluster: { name: 'east', id: 7, maxConnectedClusters: 511 } },
    },
    {
      of: 'extraArgs that people give',
      argv: [
        ...[
          ...release['1.20'],
          '--log-opt=level=warning',
          '--log-driver=syslog',
          '--kvstore=etcd',
          '--enable-k8s=true',
        ],
        ...['--k8s-client-qps=50', '--k8s-client-burst=100', '--k8s-kubeconfig-path=/k', '--crd-wait-timeout=5m'],
        ...['--k8s-api-server-urls=https://a:6443,https://b:6443', '--kvstore-max-consecutive-quorum-errors=2'],
      ],
      want: {
        ...{ ...fast, logLevel: 'warn' },
        kube: {
          ...{ kubeconfig: '/k', rate: { perSecond: 50, burst: 100 } },
          servers: [new URL('https://a:6443'), new URL('https://b:6443')],
        },
      },
    },
  ])('means what it means to Cilium: $of', ({ argv, want }) => {
    expect(loadConfig({ argv, env: environment })).toMatchObject({ ...usual, ...want });
  });

  it('is told what has no effect', () => {
    const inert = (argv: readonly string[]): string[] =>
      apiserverConfig.inert({ argv, env: {} }).map(({ flag }) => flag);
    expect(inert([...release['1.16'], ...metrics])).toEqual(['enable-external-workloads', 'controller-group-metrics']);
    expect(inert(release['1.20'])).toEqual([]);
  });

  it.each([
    { argv: ['--kvstore=consul'], says: /--kvstore/ },
    { argv: ['--k8s-api-server=10.0.0.1:6443'], says: /--k8s-api-server.*https:\/\/HOST:PORT/ },
    { argv: ['--k8s-client-qps=-1'], says: /--k8s-client-qps/ },
  ])('refuses $argv', ({ argv, says }) => {
    expect(() => loadConfig({ argv: [...always, ...argv], env: {} })).toThrow(says);
  });
});

describe('the container etcd-init of Cilium’s chart', () => {
  const argv = [
    '--etcd-cluster-name=clustermesh-apiserver',
    '--etcd-initial-cluster-token=uid',
    '--etcd-data-dir=/var/run/etcd',
  ];
  it.each([
    { argv, want: { debug: false } },
    { argv: ['--debug', ...argv], want: { debug: true } },
  ])('is understood: $argv', ({ argv: given, want }) => {
    expect(etcdinitConfig.load({ argv: given, env: { CILIUM_CLUSTER_NAME: 'east' } })).toMatchObject({
      ...{ clusterName: 'east', etcdClusterName: 'clustermesh-apiserver', etcdInitialClusterToken: 'uid' },
      ...{ etcdDataDir: '/var/run/etcd', timeout: 120_000, ...want },
    });
  });
});
