import { describe, expect, it } from '@jest/globals';

import { agentConfig, loadConfig } from './config.ts';

const required = ['--cluster-name=west', '--cluster-id=1', '--node-name=node1'];

function load(...argv: readonly string[]) {
  return loadConfig({ argv: [...required, ...argv], env: {} });
}

describe('loadConfig', () => {
  it('reads durations, sizes and addresses', () => {
    const config = load('--backend-drain=1m30s', '--bpf-service-map-max=128', '--node-ip=172.30.1.11');
    expect(config.settings).toMatchObject({ clusterName: 'west', clusterId: 1, backendDrainMs: 90_000 });
    expect(config.sizes.svc).toBe(128);
    expect([...config.nodeAddresses.ipv4.subarray(10)]).toEqual([255, 255, 172, 30, 1, 11]);
    expect(config.nodeAddresses.ipv6).toEqual(new Uint8Array(16));
  });

  it('takes an address of each family, in any order', () => {
    const { ipv4, ipv6 } = load('--node-ip=fd00:30:1::11,172.30.1.11').nodeAddresses;
    expect([ipv4.at(-1), ipv6[0], ipv6.at(-1)]).toEqual([11, 0xfd, 0x11]);
  });

  it('lets routing choose the addresses of the node by default', () => {
    expect(load().nodeAddresses).toEqual({ ipv4: new Uint8Array(16), ipv6: new Uint8Array(16) });
  });

  it('reads the cache from a Redis where it is told to, and shows no password of it', () => {
    const { redis, settings } = load('--cache=rediss://agent:secret@cache:6380/1', '--cache-credentials=/run/cache');
    expect(redis).toMatchObject({ credentials: '/run/cache', description: 'rediss://cache:6380/1' });
    expect(settings.cacheAt).toEqual({ store: 'redis', address: 'rediss://cache:6380/1' });
    expect(load()).toMatchObject({ cache: 'etcd', redis: undefined });
  });

  it.each([
    { name: 'a cluster id above the mesh size', argv: ['--cluster-id=256'], problem: /cluster id 256 is above 255/ },
    { name: 'a mesh size of its own', argv: ['--max-connected-clusters=100'], problem: /neither 255 nor 511/ },
    { name: 'a node address that is none', argv: ['--node-ip=node1'], problem: /--node-ip: node1 is no address/ },
    {
      name: 'two node addresses of a family',
      argv: ['--node-ip=172.30.1.11,172.30.1.12'],
      problem: /two addresses of a family/,
    },
    { name: 'probes faster than nodes answer', argv: ['--node-probe-interval=500ms'], problem: /0s or at least 1s/ },
    { name: 'a duration without unit', argv: ['--backend-drain=90'], problem: /--backend-drain.*not a duration/ },
    {
      name: 'a device name that the kernel refuses',
      argv: ['--tunnel-device=a-name-of-17-char'],
      problem: /tunnel-device/,
    },
    { name: 'an unknown datapath', argv: ['--datapath=xdp'], problem: /--datapath/ },
    { name: 'a cache that is no store', argv: ['--cache=memcached://host'], problem: /^--cache: the Redis address/ },
  ])('refuses $name', ({ argv, problem }) => {
    expect(() => load(...argv)).toThrow(problem);
  });

  it('describes every setting', () => {
    expect(agentConfig.options.filter(({ description }) => description === '')).toEqual([]);
  });
});
