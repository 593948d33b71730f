import { describe, expect, it } from '@jest/globals';

import { MeshError } from '@clustermesh/runtime';

import type { KubeClient } from './kube-client.ts';
import { serviceExports, serviceExportVersions } from './mcs-types.ts';
import { ServedVersion } from './served-version.ts';

function setUp(served: readonly string[]) {
  const asked: string[] = [];
  const state = { served };
  const client: Pick<KubeClient, 'list' | 'watch'> = {
    list: async ({ version }, options = {}) => {
      asked.push(`list ${version} ${options.continue ?? ''}`.trim());
      if (!state.served.includes(version)) throw new MeshError('KUBE_NOT_FOUND', version);
      return { items: [], resourceVersion: '7' };
    },
    watch: async function* ({ version }) {
      asked.push(`watch ${version}`);
    },
  };
  return { asked, state, exports: new ServedVersion(client, serviceExportVersions) };
}

describe('ServedVersion', () => {
  it.each([
    { served: ['v1beta1', 'v1alpha1'], want: 'v1beta1', asked: ['list v1beta1'] },
    { served: ['v1alpha1'], want: 'v1alpha1', asked: ['list v1beta1', 'list v1alpha1'] },
  ])('lists the newest of $served', async ({ served, want, asked }) => {
    const { exports, ...client } = setUp(served);
    await exports.list(serviceExports);
    expect(client.asked).toEqual(asked);
    expect(exports.of(serviceExports)).toMatchObject({ group: serviceExports.group, version: want });
  });

  it('watches, and reads further pages, in the version that it listed', async () => {
    const { asked, exports } = setUp(['v1alpha1']);
    await exports.list(serviceExports);
    await exports.list(serviceExports, { continue: 'page-2' });
    for await (const event of exports.watch(serviceExports, {}, new AbortController().signal)) expect(event).toBeNull();
    expect(asked.slice(2)).toEqual(['list v1alpha1 page-2', 'watch v1alpha1']);
  });

  it('moves on with the server at the next listing', async () => {
    const { exports, state } = setUp(['v1alpha1']);
    await exports.list(serviceExports);
    state.served = ['v1beta1'];
    await exports.list(serviceExports);
    expect(exports.of(serviceExports).version).toBe('v1beta1');
  });

  it('says that there is none, and passes other failures on', async () => {
    const { exports } = setUp([]);
    await expect(exports.list(serviceExports)).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
    const failing: Pick<KubeClient, 'list' | 'watch'> = {
      list: async () => {
        throw new MeshError('KUBE_FORBIDDEN', 'list');
      },
      watch: async function* () {
        yield* [];
      },
    };
    const refused = new ServedVersion(failing, serviceExportVersions).list(serviceExports);
    await expect(refused).rejects.toMatchObject({ code: 'KUBE_FORBIDDEN' });
  });
});
