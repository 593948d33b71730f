import { describe, expect, it } from '@jest/globals';
import { FakeClock, MeshError } from '@clustermesh/runtime';
import type { LocalService } from '@clustermesh/select';
import { formatIp, parseIp } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import { BackendRecords, backendState } from '../../maps/backend.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeServiceKey, encodeServiceKey } from '../../maps/service.ts';
import { SlotRecords } from '../../maps/slot.ts';
import { ServiceTable } from '../../tables/service-table.ts';
import { RestoredBackends } from './restored-backends.ts';
import { ServiceProgrammer } from './service-programmer.ts';
import { ServiceReconciler } from './service-reconciler.ts';

const sizes = { ...defaultMapSizes, svc: 8, slot: 64, backend: 64, node: 8, ipc_host: 8, ipc_cidr: 8 };

function setUp() {
  const clock = new FakeClock();
  const maps = memoryDatapathMaps(sizes);
  const table = new ServiceTable({ monotonicMs: () => clock.monotonicMs(), onChange: () => undefined });
  const programmer = new ServiceProgrammer({
    maps: { services: maps.svc, slots: new SlotRecords(maps.slot), backends: new BackendRecords(maps.backend) },
    clock,
    drainMs: 1_000,
    onBackendsEnded: () => undefined,
  });
  const reconciler = new ServiceReconciler({ table, programmer, restored: new RestoredBackends() });
  const round = (): void => reconciler.apply(table.takeChanges(100));
  const frontends = (): readonly string[] =>
    [...maps.svc.entries()].map(([key]) => {
      const { address, port } = decodeServiceKey(key);
      return `${formatIp(address)}:${port}`;
    });
  return { maps, table, reconciler, programmer, round, frontends };
}

function local(
  name: string,
  ip: string,
  ports: readonly number[] = [80],
  backends: readonly string[] = [],
): LocalService {
  return {
    namespace: 'default',
    name,
    clusterId: 1,
    clusterIps: [ip],
    ports: ports.map((port) => ({ name: `p${port}`, port })),
    includeExternal: false,
    affinity: 'none',
    traffic: 'cluster',
    slices: [
      {
        endpoints: backends.map((address) => ({ addresses: [address] })),
        ports: ports.map((port) => ({ name: `p${port}`, port })),
      },
    ],
  };
}

describe('ServiceReconciler', () => {
  it('makes a frontend of every port, and takes those away that a service no longer has', () => {
    const { table, round, frontends } = setUp();
    table.setLocal('default/a', { service: local('a', '10.96.0.1', [80, 81]), affinityTimeoutS: 0 });
    round();
    expect(frontends()).toEqual(['10.96.0.1:80', '10.96.0.1:81']);
    table.setLocal('default/a', { service: local('a', '10.96.0.1', [81, 82]), affinityTimeoutS: 0 });
    round();
    expect(frontends().toSorted()).toEqual(['10.96.0.1:81', '10.96.0.1:82']);
    table.setLocal('default/a', undefined);
    round();
    expect(frontends()).toEqual([]);
  });

  it.each([
    { name: 'in one round', rounds: [['default/a', 'default/b']] },
    { name: 'the new one first', rounds: [['default/b'], ['default/a']] },
    { name: 'the old one first', rounds: [['default/a'], ['default/b']] },
  ])('hands a cluster IP from one service to another: $name', ({ rounds }) => {
    const { table, round, reconciler, frontends } = setUp();
    table.setLocal('default/a', { service: local('a', '10.96.0.1'), affinityTimeoutS: 0 });
    round();
    table.setLocal('default/a', undefined);
    table.setLocal('default/b', { service: local('b', '10.96.0.1', [80], ['10.1.0.1']), affinityTimeoutS: 0 });
    for (const names of rounds) reconciler.apply(names.map((name) => ({ name })));
    expect(frontends()).toEqual(['10.96.0.1:80']);
  });

  it('lets clients with affinity leave backends that are only there for want of others', () => {
    const { table, round, programmer } = setUp();
    const service = local('a', '10.96.0.1');
    const endpoints = [
      { addresses: ['10.1.0.1'] },
      { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true } },
    ];
    const slices = [{ endpoints, ports: [{ name: 'p80', port: 80 }] }];
    const states = (): readonly number[] =>
      programmer
        .backendsOf(encodeServiceKey({ address: parseIp('10.96.0.1') ?? new Uint8Array(), port: 80, protocol: 6 }))
        .map(({ state }) => state);
    table.setLocal('default/a', { service: { ...service, slices }, affinityTimeoutS: 60 });
    round();
    expect(states()).toEqual([backendState.active, backendState.quarantined]);
    const onlyTerminating = [{ endpoints: endpoints.slice(1), ports: [{ name: 'p80', port: 80 }] }];
    table.setLocal('default/a', { service: { ...service, slices: onlyTerminating }, affinityTimeoutS: 60 });
    round();
    expect(states()).toEqual([backendState.active]);
  });

  it.each([
    { affinity: 'none', want: ['10.1.0.9', '10.1.0.5', '10.1.0.7'], home: [0, 1] },
    { affinity: 'local', want: ['10.1.0.9', '10.1.0.5', '10.1.0.7'], home: [0, 1] },
    { affinity: 'remote', want: ['10.1.0.5', '10.1.0.7', '10.1.0.9'], home: [2, 1] },
  ] as const)('tells host processes which backends are of this cluster: affinity $affinity', (test) => {
    const { table, round, programmer } = setUp();
    const service = local('a', '10.96.0.1', [80], ['10.1.0.9']);
    table.setLocal('default/a', {
      service: { ...service, includeExternal: true, affinity: test.affinity },
      affinityTimeoutS: 0,
    });
    const ports = [{ name: 'p80', protocol: 'TCP', port: 80 }];
    const endpoint = { ports, state: 'active', zone: '', forZones: [] } as const;
    const east = { cluster: 'east' as ClusterName, clusterId: 2 };
    table.remote.setEntry(
      east,
      'default/a',
      ['10.1.0.5', '10.1.0.7'].map((address) => ({ ...endpoint, address })),
    );
    round();
    const key = encodeServiceKey({ address: parseIp('10.96.0.1') ?? new Uint8Array(), port: 80, protocol: 6 });
    expect(programmer.backendsOf(key).map(({ backend }) => formatIp(backend.address))).toEqual(test.want);
    const [homeFirst, homeCount] = test.home;
    expect(programmer.get(key)).toMatchObject({ homeFirst, homeCount });
  });

  it('says what there is no room for, and programs it when there is', () => {
    const { table, round, reconciler, frontends } = setUp();
    for (let number = 1; number <= 9; number++) {
      table.setLocal(`default/s${number}`, { service: local(`s${number}`, `10.96.0.${number}`), affinityTimeoutS: 0 });
    }
    round();
    expect(frontends()).toHaveLength(8);
    expect([...reconciler.refused()]).toEqual(['default/s9']);
    table.setLocal('default/s1', undefined);
    round();
    reconciler.apply([...reconciler.refused()].map((name) => ({ name })));
    expect(frontends()).toContain('10.96.0.9:80');
    expect(reconciler.problems.size).toBe(0);
  });

  it('tries again to remove what could not be removed', () => {
    const { maps, table, round, reconciler, frontends } = setUp();
    table.setLocal('default/a', { service: local('a', '10.96.0.1'), affinityTimeoutS: 0 });
    round();
    const remove = maps.svc.delete.bind(maps.svc);
    maps.svc.delete = () => {
      throw new MeshError('BPF_FAILED', 'delete from map svc');
    };
    table.setLocal('default/a', undefined);
    round();
    expect(frontends()).toEqual(['10.96.0.1:80']);
    expect([...reconciler.problems.values()]).toEqual(['delete from map svc']);
    maps.svc.delete = remove;
    reconciler.apply([]);
    expect(frontends()).toEqual([]);
    expect(reconciler.problems.size).toBe(0);
  });
});
