import type { KubeClient } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { podAddress, tellPodAddress } from './pod-address.ts';
import { unusedProvider } from './testing/unused-provider.ts';

const status = { podIP: '10.1.1.2', podIPs: [{ ip: '10.1.1.2' }, { ip: 'fd00::2' }] };
const kube: KubeClient = {
  ...unusedProvider.kube(''),
  get: async (_, { name }) => ({ metadata: { name }, status }) as never,
  list: async (_, options) => {
    const leaving = { metadata: { name: 'old', deletionTimestamp: 'now' }, status: { podIP: '10.1.1.9' } };
    const items = options?.labelSelector === 'app=web' ? [leaving, { metadata: { name: 'web-1' }, status }] : [];
    return { items: items as never, resourceVersion: '1' };
  },
};

describe('the address of a pod', () => {
  it.each([
    { pod: 'demo/web', family: 4 as const, want: '10.1.1.2' },
    { pod: 'demo/web', family: 6 as const, want: 'fd00::2' },
    { pod: 'demo/app=web', family: 4 as const, want: '10.1.1.2' },
  ])('of $pod, family $family', async ({ pod, family, want }) => {
    expect(await podAddress(kube, { cluster: 'east', pod }, family)).toBe(want);
  });

  it('that is not there is an error', async () => {
    await expect(podAddress(kube, { cluster: 'east', pod: 'demo/app=db' })).rejects.toMatchObject({
      code: 'KUBE_NOT_FOUND',
      message: expect.stringContaining('pod east/demo/app=db has no IPv4 address'),
    });
  });

  it('is looked up by the shell', () => {
    expect(tellPodAddress({ cluster: 'east', pod: 'demo/web' }, 6)).toBe(
      '$(kubectl --context east -n demo get pod web -o jsonpath={.status.podIPs[1].ip})',
    );
    expect(tellPodAddress({ cluster: 'east', pod: 'demo/app=web' })).toBe(
      '$(kubectl --context east -n demo get pod -l app=web -o jsonpath={.items[0].status.podIP})',
    );
  });
});
