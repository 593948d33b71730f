import { kindByName, parseKey } from '@clustermesh/wire';
import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { workspaceDir } from '../workspace.ts';
import { sampleCluster } from './sample-cluster.ts';

const samples = resolve(workspaceDir, 'packages/wire/testdata/samples');
const direct = { cluster: 'cluster-007', folder: 'mock-state-direct' };
const cached = { cluster: 'cluster-011', folder: 'mock-cache-dual-wg' };

describe.each([direct, cached])('the samples in $folder', (topology) => {
  const { entries, derived, canaries } = sampleCluster(topology);

  it('are all there, byte for byte, but the times of their writer', () => {
    const directory = join(samples, topology.folder);
    const names = readdirSync(directory).filter((name) => name.endsWith('.key'));
    const keys = names.map((name) => readFileSync(join(directory, name), 'utf8'));
    expect([...entries.keys(), ...canaries, 'cilium/.heartbeat'].sort()).toEqual(keys.sort());
    for (const name of names.filter((one) => !/^(synced|heartbeat)/.test(one))) {
      const key = readFileSync(join(directory, name), 'utf8');
      expect(entries.get(key)).toBe(readFileSync(join(directory, name.replace(/key$/, 'value')), 'utf8'));
    }
  });

  it('are completed by entries of the same kinds that replace none of them', () => {
    for (const [key, value] of derived) {
      expect(entries.has(key)).toBe(false);
      const parsed = parseKey(key);
      const kind = parsed?.kind === 'entry' ? kindByName[parsed.resource] : undefined;
      expect({ key, isRead: kind?.codec.decode(Buffer.from(value)).ok }).toEqual({ key, isRead: true });
    }
  });
});

it('gives the pod behind the sample of an address the identity that the sample names', () => {
  const { derived, pods } = sampleCluster(direct);
  expect(pods).toEqual([
    {
      ...{ cluster: 'cluster-007', namespace: 'sheepdog', name: 'gorgeous-wahoo' },
      ...{ addresses: ['10.0.0.77'], host: '172.16.0.3', identity: 485_860 },
    },
  ]);
  expect([...derived]).toEqual([
    [
      'cilium/state/identities/v1/id/485860',
      'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=sheepdog;k8s:io.cilium.k8s.policy.cluster=cluster-007;' +
        'k8s:io.cilium.k8s.policy.serviceaccount=default;k8s:io.kubernetes.pod.namespace=sheepdog;',
    ],
  ]);
});

it('puts the backends of a sample’s service on the node, and behind the identity, that there are samples of', () => {
  const { entries, derived, pods } = sampleCluster(cached);
  const [, servers] = pods;
  expect(servers).toMatchObject({ namespace: 'eft', name: 'select-pelican', host: '172.16.0.80', identity: 736_303 });
  expect(servers?.addresses).toHaveLength(27);
  expect(entries.has('cilium/cache/identities/v1/cluster-011/id/736303')).toBe(true);
  expect(derived.get('cilium/cache/ip/v1/cluster-011/10.0.2.248')).toBe(
    '{"IP":"10.0.2.248","Mask":null,"HostIP":"172.16.0.80","ID":736303,"Key":255,"Metadata":"","K8sNamespace":"eft","K8sPodName":"select-pelican"}',
  );
});

it.each([
  { name: 'a folder that is not there', topology: { ...direct, folder: 'none' } },
  { name: 'a folder of another cluster', topology: { ...direct, cluster: 'cluster-008' } },
])('refuses $name', ({ topology }) => {
  expect(() => sampleCluster(topology)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});
