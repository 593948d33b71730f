import { describe, expect, it } from '@jest/globals';
import { canaryKey } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import { MeshFixture, remoteFile } from './testing/mesh-fixture.ts';

const east = 'east' as ClusterName;
const only = { endpointSlicesExportMode: 'endpointslices-only' };
const forms = [
  {
    name: 'slices instead of services',
    before: {},
    after: only,
    old: 'services/v1/east/default/web',
    new: 'endpointslices/v1/east/default/web-1',
    canary: canaryKey(east, 'cilium/state/endpointslices/v1'),
  },
  {
    name: 'services instead of slices',
    before: only,
    after: {},
    old: 'endpointslices/v1/east/default/web-1',
    new: 'services/v1/east/default/web',
    canary: canaryKey(east, 'cilium/state/services/v1'),
  },
];

describe.each(forms)('a source that comes to publish $name', ({ before, after, canary, ...keys }) => {
  it('is mirrored in the old form until the new one is there and written (I4)', async () => {
    await using mesh = new MeshFixture();
    const source = mesh.add('east', 2);
    source.publish(before);
    source.put(`cilium/state/${keys.old}`, 'old');
    source.delete(canary);
    mesh.clusters.set(remoteFile('east'));
    await mesh.settle();
    expect(mesh.cached('cilium/cache/')).toEqual({ [`cilium/cache/${keys.old}`]: 'old' });
    source.announce(after);
    source.put(`cilium/state/${keys.new}`, 'new');
    await mesh.settle(60_000);
    expect(mesh.cached('cilium/cache/')).toEqual({ [`cilium/cache/${keys.old}`]: 'old' });
    mesh.writes.splice(0);
    source.put(canary, 'now');
    await mesh.settle(10_000);
    const writes = mesh.writes.filter((write) => write.includes(' cilium/cache/'));
    expect(writes).toEqual([`put cilium/cache/${keys.new}`, `delete cilium/cache/${keys.old}`]);
    expect(mesh.status('east')).toMatchObject({ state: 'ready' });
  });
});
