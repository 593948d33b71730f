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
    expect([...config.nodeAddress.subarray(10)]).toEqual([255, 255, 172, 30, 1, 11]);
  });

  it('lets routing choose the address of the node by default', () => {
    expect(load().nodeAddress).toEqual(new Uint8Array(16));
  });

  it.each([
    { name: 'a cluster id above the mesh size', argv: ['--cluster-id=256'], problem: /cluster id 256 is above 255/ },
    { name: 'a mesh size of its own', argv: ['--max-connected-clusters=100'], problem: /neither 255 nor 511/ },
    { name: 'a node address that is none', argv: ['--node-ip=node1'], problem: /--node-ip: node1 is no address/ },
    { name: 'a duration without unit', argv: ['--backend-drain=90'], problem: /--backend-drain.*not a duration/ },
    {
      name: 'a device name that the kernel refuses',
      argv: ['--tunnel-device=a-name-of-17-char'],
      problem: /tunnel-device/,
    },
    { name: 'an unknown datapath', argv: ['--datapath=xdp'], problem: /--datapath/ },
  ])('refuses $name', ({ argv, problem }) => {
    expect(() => load(...argv)).toThrow(problem);
  });

  it('describes every setting', () => {
    expect(agentConfig.options.filter(({ description }) => description === '')).toEqual([]);
  });
});
