import { describe, expect, it } from '@jest/globals';

import { loadConfig } from './config.ts';

const needed = ['--cluster-name=east', '--cluster-id=1'];

describe('loadConfig', () => {
  it('takes name and number alone; everything else has a default', () => {
    expect(loadConfig({ argv: needed, env: {} })).toMatchObject({
      cluster: { name: 'east', id: 1, maxConnectedClusters: 255 },
      source: 'kubernetes',
      etcdConfig: '/var/lib/cilium/etcd-config.yaml',
      kvstoreLeaseTtl: 900_000,
      clustermeshDefaultGlobalNamespace: true,
      identityGracePeriod: 900_000,
      healthPort: 9880,
    });
  });

  it('takes durations as Go’s flags do', () => {
    const argv = [...needed, '--kvstore-lease-ttl=1h30m', '--identity-grace-period', '90s'];
    expect(loadConfig({ argv, env: {} })).toMatchObject({ kvstoreLeaseTtl: 5_400_000, identityGracePeriod: 90_000 });
  });

  it('reads the environment', () => {
    const env = {
      CLUSTERMESH_CLUSTER_NAME: 'east',
      CLUSTERMESH_CLUSTER_ID: '300',
      CLUSTERMESH_MAX_CONNECTED_CLUSTERS: '511',
    };
    expect(loadConfig({ argv: [], env }).cluster).toEqual({ name: 'east', id: 300, maxConnectedClusters: 511 });
  });

  it('takes the options of Cilium’s charts', () => {
    const argv = [
      ...needed,
      '--kvstore-opt=etcd.config=/etc/e.yaml',
      '--kvstore-opt',
      'etcd.qps=50,etcd.maxInflight=10',
    ];
    expect(loadConfig({ argv, env: {} })).toMatchObject({
      etcd: '/etc/e.yaml',
      writeRate: { perSecond: 50, whileStarting: 50 },
    });
  });

  it.each([
    { argv: ['--clustermesh-service-v2=prefer-legacy'], want: { endpointslicesExport: 'services-and-endpointslices' } },
    {
      argv: ['--clustermesh-service-v2=only-endpointslice', '--endpointslices-export=endpointslices-only'],
      want: { endpointslicesExport: 'endpointslices-only' },
    },
    { argv: ['--prometheus-serve-addr=:9962'], want: { prometheusServeAddr: { host: '', port: 9962 } } },
    { argv: ['--prometheus-serve-addr=[::1]:9962'], want: { prometheusServeAddr: { host: '::1', port: 9962 } } },
    { argv: [], want: { prometheusServeAddr: undefined, endpointslicesExport: 'off' } },
  ])('takes Cilium’s $argv', ({ argv, want }) => {
    expect(loadConfig({ argv: [...needed, ...argv], env: {} })).toMatchObject(want);
  });

  it.each([
    { argv: [...needed, '--prometheus-serve-addr=9962'], says: /--prometheus-serve-addr.*\[HOST\]:PORT/ },
    {
      argv: [
        ...needed,
        '--clustermesh-service-v2=only-endpointslice',
        '--endpointslices-export=services-and-endpointslices',
      ],
      says: /differ/,
    },
    { argv: [...needed, '--kvstore-opt=etcd.qbs=50'], says: /etcd.qbs/ },
    { argv: ['--cluster-name=East', '--cluster-id=1'], says: /cluster name must be lower case/ },
    { argv: ['--cluster-name=east', '--cluster-id=0'], says: /cluster id 0 is reserved/ },
    { argv: ['--cluster-name=default', '--cluster-id=3'], says: /"default" is not allowed/ },
    { argv: ['--cluster-name=east', '--cluster-id=256'], says: /cluster id 256 is above 255/ },
    { argv: [...needed, '--max-connected-clusters=300'], says: /neither 255 nor 511/ },
    { argv: [...needed, '--kvstore-lease-ttl=24s'], says: /--kvstore-lease-ttl.*between/ },
    { argv: [...needed, '--kvstore-lease-ttl=24h1s'], says: /--kvstore-lease-ttl.*between/ },
    { argv: [...needed, '--kvstore-lease-ttl=900'], says: /--kvstore-lease-ttl.*duration/ },
    { argv: [...needed, '--identity-grace-period=0s'], says: /--identity-grace-period/ },
    { argv: [...needed, '--source=calico'], says: /--source/ },
    { argv: ['--cluster-id=1'], says: /--cluster-name/ },
  ])('refuses $argv', ({ argv, says }) => {
    expect(() => loadConfig({ argv, env: {} })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => loadConfig({ argv, env: {} })).toThrow(says);
  });
});
