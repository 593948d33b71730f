import { afterEach, describe, expect, it } from '@jest/globals';

import { ciliumEndpoints, ciliumIdentities, ciliumNodes } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

import { aCiliumEndpoint, aCiliumIdentity, aCiliumNode, installCilium } from './testing/cilium-objects.ts';
import { aService, aSlice, create } from './testing/objects.ts';
import { noExports, oneCluster, stopAll } from './testing/one-cluster.ts';

afterEach(stopAll);

const web = 65_666;
const settings = {
  source: 'cilium',
  exported: { ...noExports, endpointSlices: 'services-and-endpointslices' },
} as const;

function ipOf(index: number): string {
  return `10.1.${Math.floor(index / 200)}.${(index % 200) + 1}`;
}

async function populate(kube: KubeClient, endpoints: number): Promise<void> {
  await installCilium(kube);
  await kube.create(ciliumNodes, aCiliumNode('n1', '172.18.0.2', '10.1.0.0/16'));
  await kube.create(ciliumIdentities, aCiliumIdentity(web, 'web'));
  for (let index = 0; index < endpoints; index++) {
    await kube.create(ciliumEndpoints, aCiliumEndpoint(`web-${index}`, ipOf(index), web));
  }
  await create(kube, aService('web'), aSlice('web-a', 'web', [ipOf(0)]));
}

/** An API that can be made to fail: watches in force end too. */
function faulty(kube: KubeClient) {
  const fault: { code: ErrorCode | undefined; end: AbortController } = { code: undefined, end: new AbortController() };
  const check = (what: string): void => {
    if (fault.code !== undefined) throw new MeshError(fault.code, what, { retryable: true });
  };
  const methods: Partial<KubeClient> = {
    list: async (resource, options, signal) => {
      if (fault.code !== 'KUBE_GONE') check(`list ${resource.plural}`);
      return kube.list(resource, options, signal);
    },
    watch: async function* (resource, options, signal) {
      check(`watch ${resource.plural}`);
      yield* kube.watch(resource, options, AbortSignal.any([signal, fault.end.signal]));
      check(`watch ${resource.plural}`);
    },
  };
  const set = (code: ErrorCode | undefined): void => {
    fault.code = code;
    fault.end.abort();
    fault.end = new AbortController();
  };
  return { methods, set };
}

describe('writes to etcd after faults of the Kubernetes API', () => {
  it.each<{ name: string; code: ErrorCode }>([
    { name: 'was away', code: 'KUBE_UNAVAILABLE' },
    { name: 'throttled us', code: 'KUBE_THROTTLED' },
    { name: 'forgot every revision, again and again', code: 'KUBE_GONE' },
    { name: 'did not know our token', code: 'KUBE_FORBIDDEN' },
  ])('are none when it $name and nothing changed meanwhile', async ({ code }) => {
    const { clock, etcd, kube, server, start } = oneCluster(settings);
    await populate(kube, 20);
    const api = faulty(kube);
    const { apiserver } = await start(api.methods);
    expect(apiserver.isSynced).toBe(true);
    const { revision } = server;
    api.set(code);
    await clock.advance(120_000);
    api.set(undefined);
    await clock.advance(60_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
    expect(apiserver.notReady()).toBeUndefined();
  });

  it('are one for each thing that changed while we were cut off, for so long that the server forgot it (I3)', async () => {
    const { clock, etcd, kube, server, start } = oneCluster(settings);
    await populate(kube, 1_000);
    const api = faulty(kube);
    await start(api.methods);
    const { revision } = server;
    api.set('KUBE_UNAVAILABLE');
    await clock.advance(1_000);
    for (let index = 1; index < 1_000; index++) {
      await kube.delete(ciliumEndpoints, { namespace: 'default', name: `web-${index}` });
    }
    // Deleted, and created again under the same name with the same IP: nothing that readers should see go.
    await kube.delete(ciliumEndpoints, { namespace: 'default', name: 'web-0' });
    await kube.create(ciliumEndpoints, aCiliumEndpoint('web-0', ipOf(0), web));
    await kube.create(ciliumEndpoints, aCiliumEndpoint('late', '10.1.200.1', web));
    await clock.advance(30_000);
    expect(etcd.writesAfter(revision)).toEqual([]);
    api.set('KUBE_GONE');
    await clock.advance(60_000);
    api.set(undefined);
    await clock.advance(60_000);
    const prefix = 'cilium/state/ip/v1/default/';
    const deletes = Array.from({ length: 999 }, (_, index) => `delete ${prefix}${ipOf(index + 1)}`);
    expect(etcd.writesAfter(revision).toSorted()).toEqual([...deletes, `put ${prefix}10.1.200.1`].toSorted());
    expect(etcd.keys(prefix)).toEqual([`${prefix}${ipOf(0)}`, `${prefix}10.1.200.1`]);
  });
});
