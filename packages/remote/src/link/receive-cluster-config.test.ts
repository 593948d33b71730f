import { describe, expect, it } from '@jest/globals';

import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';
import type { ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import { receiveClusterConfig } from './receive-cluster-config.ts';

const east = 'east' as ClusterName;

async function received(text: string, maxConnectedClusters: MaxConnectedClusters = 255): Promise<number> {
  const clock = new FakeClock();
  using server = new MemoryKvServer({ clock });
  const store = new MemoryKvStore(server, { clock });
  server.apply([{ kind: 'put', key: 'cilium/cluster-config/east', value: Buffer.from(text) }], 0);
  const deps = { maxConnectedClusters, clock };
  return (await receiveClusterConfig(store, east, deps, new AbortController().signal)).config.id;
}

describe('receiveClusterConfig', () => {
  it('takes the config of a cluster of the same mesh', async () => {
    expect(await received('{"id":3,"capabilities":{"syncedCanaries":true}}')).toBe(3);
    expect(await received('{"id":511,"capabilities":{"maxConnectedClusters":511}}', 511)).toBe(511);
  });

  it.each([
    { text: '[]', max: 255, says: 'cilium/cluster-config/east of the remote cluster: ' },
    { text: `{"id":3,"x":"${'x'.repeat(16_384)}"}`, max: 255, says: 'more than 16384' },
    { text: '{"id":0}', max: 255, says: 'cluster id 0' },
    { text: '{"id":256,"capabilities":{"maxConnectedClusters":511}}', max: 255, says: 'cluster id 256' },
    { text: '{"id":3,"capabilities":{"maxConnectedClusters":255}}', max: 511, says: 'ours is 511, theirs 255' },
    { text: '{"id":3}', max: 511, says: 'ours is 511, theirs 0' },
  ] as const)('refuses $says', async ({ text, max, says }) => {
    await expect(received(text, max)).rejects.toThrow(says);
    await expect(received(text, max)).rejects.toMatchObject({ code: 'CLUSTER_CONFIG_INVALID' });
  });
});
