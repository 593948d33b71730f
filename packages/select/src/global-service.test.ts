import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  formatIp,
  type ClusterService,
  type GoMap,
  type PortConfiguration,
  type ServiceAffinity,
} from '@clustermesh/wire';
import { mergeGlobalService, type SelectedFrontend } from './global-service.ts';
import type { ClientNode, LocalService, LocalSlice, TrafficRule } from './local-service.ts';
import { endpointsOfService } from './published-endpoints.ts';
import type { RemoteService } from './remote-service.ts';

const http: PortConfiguration = { http: { protocol: 'TCP', port: 8080 } };

type State = 'ready' | 'unknown' | 'serving' | 'dead';
const conditions = {
  ready: { ready: true },
  unknown: {},
  serving: { ready: false, serving: true, terminating: true },
  dead: { ready: false, serving: false },
};

function slice(
  endpoints: Readonly<Record<string, State>>,
  ports: LocalSlice['ports'] = [{ name: 'http', port: 8080 }],
): LocalSlice {
  const list = Object.entries(endpoints).map(([address, state]) => ({
    addresses: [address],
    conditions: conditions[state],
  }));
  return { endpoints: list, ports };
}

function local(overrides: Partial<LocalService> = {}): LocalService {
  return {
    namespace: 'default',
    name: 'echo',
    clusterId: 1,
    clusterIps: ['10.96.0.1'],
    ports: [{ name: 'http', port: 80 }],
    includeExternal: true,
    affinity: 'none',
    traffic: 'cluster',
    slices: [],
    ...overrides,
  };
}

function service(
  clusterId: number,
  addresses: readonly string[],
  overrides: Partial<ClusterService> = {},
): ClusterService {
  return {
    cluster: `c${clusterId}`,
    namespace: 'default',
    name: 'echo',
    frontends: {},
    backends: Object.fromEntries(addresses.map((address) => [address, http])),
    hostnames: {},
    zones: {},
    labels: {},
    selector: {},
    includeExternal: true,
    shared: true,
    clusterId,
    ...overrides,
  };
}

function published(value: ClusterService, usable = true): RemoteService {
  const { cluster, clusterId } = value;
  return { cluster, clusterId, endpoints: endpointsOfService(value) ?? [], usable };
}

const fresh = (clusterId: number, ...addresses: string[]): RemoteService => published(service(clusterId, addresses));
const stale = (clusterId: number, ...addresses: string[]): RemoteService =>
  published(service(clusterId, addresses), false);
const node: ClientNode = { name: 'node1', zone: 'eu-a' };

/** By the third number of the address: 7 no path, 9 another cluster's. */
const withPaths = (clusterId: number, ...addresses: string[]): RemoteService => ({
  ...fresh(clusterId, ...addresses),
  pathTo: (address) => (address[14] === 7 ? 'missing' : address[14] === 9 ? 'foreign' : 'open'),
});

/** Those that may be chosen, a bar, the others: `10.2.0.1 10.2.0.2 | 10.1.0.1`. */
function print(frontend: SelectedFrontend | undefined): string {
  const texts = frontend?.backends.map(({ address }) => formatIp(address)) ?? [];
  const count = frontend?.count ?? 0;
  return [...texts.slice(0, count), '|', ...texts.slice(count)].join(' ');
}

const one = (overrides: Partial<LocalService>, remotes: readonly RemoteService[]): string =>
  print(mergeGlobalService({ local: local(overrides), remotes, node })[0]);

describe('affinity and failover', () => {
  const here = (endpoints: Readonly<Record<string, State>>): readonly LocalSlice[] => [slice(endpoints)];

  it.each<{
    name: string;
    affinity: ServiceAffinity;
    at: Record<string, State>;
    remotes: RemoteService[];
    want: string;
  }>([
    {
      name: 'without affinity all clusters answer',
      affinity: 'none',
      at: { '10.1.0.1': 'ready' },
      remotes: [fresh(2, '10.2.0.1'), fresh(3, '10.3.0.1')],
      want: '10.1.0.1 10.2.0.1 10.3.0.1 |',
    },
    {
      name: 'absent conditions mean ready',
      affinity: 'none',
      at: { '10.1.0.1': 'unknown' },
      remotes: [],
      want: '10.1.0.1 |',
    },
    {
      name: 'affinity local keeps to this cluster while it has an active backend',
      affinity: 'local',
      at: { '10.1.0.1': 'ready', '10.1.0.2': 'ready' },
      remotes: [fresh(2, '10.2.0.1')],
      want: '10.1.0.1 10.1.0.2 | 10.2.0.1',
    },
    {
      name: 'affinity local fails over to all other clusters',
      affinity: 'local',
      at: { '10.1.0.1': 'dead' },
      remotes: [fresh(2, '10.2.0.1'), fresh(3, '10.3.0.1')],
      want: '10.2.0.1 10.3.0.1 |',
    },
    {
      name: 'affinity local prefers remote backends to terminating local ones',
      affinity: 'local',
      at: { '10.1.0.1': 'serving' },
      remotes: [fresh(2, '10.2.0.1')],
      want: '10.2.0.1 | 10.1.0.1',
    },
    {
      name: 'affinity remote keeps to the other clusters while they have backends',
      affinity: 'remote',
      at: { '10.1.0.1': 'ready' },
      remotes: [fresh(2, '10.2.0.1')],
      want: '10.2.0.1 | 10.1.0.1',
    },
    {
      name: 'affinity remote comes home when there are none',
      affinity: 'remote',
      at: { '10.1.0.1': 'ready' },
      remotes: [fresh(2)],
      want: '10.1.0.1 |',
    },
    {
      name: 'a backend without a path waits behind those that have one, in whatever cluster',
      affinity: 'remote',
      at: { '10.1.0.1': 'ready' },
      remotes: [withPaths(2, '10.2.7.1')],
      want: '10.1.0.1 | 10.2.7.1',
    },
    {
      name: 'backends without a path are used when there is nothing else (I4)',
      affinity: 'none',
      at: {},
      remotes: [withPaths(2, '10.2.7.1')],
      want: '10.2.7.1 |',
    },
    {
      name: 'an address that another cluster holds is never used (I6)',
      affinity: 'none',
      at: {},
      remotes: [withPaths(2, '10.2.9.1', '10.2.0.1')],
      want: '10.2.0.1 |',
    },
    {
      name: 'terminating backends serve when nothing else does',
      affinity: 'none',
      at: { '10.1.0.1': 'serving', '10.1.0.2': 'dead' },
      remotes: [],
      want: '10.1.0.1 |',
    },
    {
      name: 'terminating backends are not chosen beside an active one',
      affinity: 'none',
      at: { '10.1.0.1': 'serving', '10.1.0.2': 'ready' },
      remotes: [],
      want: '10.1.0.2 | 10.1.0.1',
    },
    {
      name: 'a cluster that is not usable is not chosen beside others',
      affinity: 'none',
      at: { '10.1.0.1': 'ready' },
      remotes: [stale(2, '10.2.0.1'), fresh(3, '10.3.0.1')],
      want: '10.1.0.1 10.3.0.1 | 10.2.0.1',
    },
    {
      name: 'affinity remote treats a cluster that is not usable like one without backends',
      affinity: 'remote',
      at: { '10.1.0.1': 'ready' },
      remotes: [stale(2, '10.2.0.1')],
      want: '10.1.0.1 | 10.2.0.1',
    },
    {
      name: 'the last backends are never withdrawn (I4)',
      affinity: 'local',
      at: { '10.1.0.1': 'dead' },
      remotes: [stale(2, '10.2.0.1'), stale(3, '10.3.0.1')],
      want: '10.2.0.1 10.3.0.1 |',
    },
    { name: 'no backend anywhere is no backend', affinity: 'none', at: {}, remotes: [], want: '|' },
  ])('$name', ({ affinity, at, remotes, want }) => {
    expect(one({ affinity, slices: here(at) }, remotes)).toBe(want);
  });
});

describe('which remote services take part', () => {
  const remote = (overrides: Partial<ClusterService>): RemoteService => published(service(2, ['10.2.0.1'], overrides));

  it.each([
    { name: 'one that is not shared counts as deleted', remotes: [remote({ shared: false })], want: '|' },
    {
      name: 'its own includeExternal does not matter',
      remotes: [remote({ includeExternal: false })],
      want: '10.2.0.1 |',
    },
    { name: 'one without frontends does', remotes: [remote({ frontends: null })], want: '10.2.0.1 |' },
    { name: 'one with null backends has none', remotes: [remote({ backends: null })], want: '|' },
    { name: 'an address with null ports has none', remotes: [remote({ backends: { '10.2.0.1': null } })], want: '|' },
  ])('$name', ({ remotes, want }) => {
    expect(one({}, remotes)).toBe(want);
  });

  it('none does when the local service does not include external backends', () => {
    expect(one({ includeExternal: false, slices: [slice({ '10.1.0.1': 'ready' })] }, [fresh(2, '10.2.0.1')])).toBe(
      '10.1.0.1 |',
    );
  });

  it('affinity remote means nothing to a service that does not include external backends', () => {
    const slices = [slice({ '10.1.0.1': 'ready' })];
    expect(one({ includeExternal: false, affinity: 'remote', slices }, [fresh(2, '10.2.0.1')])).toBe('10.1.0.1 |');
  });

  it('without a local service there is no frontend', () => {
    expect(mergeGlobalService({ local: undefined, remotes: [fresh(2, '10.2.0.1')], node })).toEqual([]);
  });

  it('a service without cluster IP has no frontend', () => {
    expect(mergeGlobalService({ local: local({ clusterIps: ['None', ''] }), remotes: [], node })).toEqual([]);
  });
});

describe('frontends and backends that match', () => {
  const ports: PortConfiguration = {
    http: { protocol: 'TCP', port: 8080 },
    admin: { protocol: 'TCP', port: 9090 },
    dns: { protocol: 'UDP', port: 5353 },
  };
  const unnamed: PortConfiguration = { '': { protocol: 'TCP', port: 7000 } };
  const at = (backends: GoMap<PortConfiguration>): RemoteService[] => [published(service(2, [], { backends }))];
  const select = (overrides: Partial<LocalService>, remotes: readonly RemoteService[]): string[] =>
    mergeGlobalService({ local: local(overrides), remotes, node }).map(
      (frontend) =>
        `${formatIp(frontend.address)}:${frontend.port}/${frontend.protocol} ` +
        frontend.backends.map((backend) => `${formatIp(backend.address)}:${backend.port}`).join(' '),
    );

  it.each([
    {
      name: 'ports meet by name, whatever their numbers',
      service: {
        ports: [
          { name: 'http', port: 80 },
          { name: 'admin', port: 81 },
        ],
      },
      backends: { '10.2.0.1': ports },
      want: ['10.96.0.1:80/TCP 10.2.0.1:8080', '10.96.0.1:81/TCP 10.2.0.1:9090'],
    },
    {
      name: 'an unnamed frontend port takes every port of its protocol',
      service: { ports: [{ port: 80 }] },
      backends: { '10.2.0.1': ports },
      want: ['10.96.0.1:80/TCP 10.2.0.1:8080 10.2.0.1:9090'],
    },
    {
      name: 'an unnamed backend port is taken by every frontend of its protocol',
      service: { ports: [{ name: 'http', port: 80 }] },
      backends: { '10.2.0.1': unnamed },
      want: ['10.96.0.1:80/TCP 10.2.0.1:7000'],
    },
    {
      name: 'another protocol does not match',
      service: {
        ports: [
          { name: 'dns', protocol: 'TCP', port: 53 },
          { name: 'dns', protocol: 'UDP', port: 53 },
        ],
      },
      backends: { '10.2.0.1': ports },
      want: ['10.96.0.1:53/TCP ', '10.96.0.1:53/UDP 10.2.0.1:5353'],
    },
    {
      name: 'each frontend takes backends of its own family',
      service: { clusterIps: ['10.96.0.1', 'fd00:96::1'] },
      backends: { '10.2.0.1': http, 'FD00:2::1': http },
      want: ['10.96.0.1:80/TCP 10.2.0.1:8080', 'fd00:96::1:80/TCP fd00:2::1:8080'],
    },
    {
      name: 'several names of one port are one backend',
      service: {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 2 },
          { name: 'c', port: 3 },
        ],
      },
      backends: { '10.2.0.1': { a: { protocol: 'TCP', port: 8080 }, b: { protocol: 'TCP', port: 8080 } } },
      want: ['10.96.0.1:1/TCP 10.2.0.1:8080', '10.96.0.1:2/TCP 10.2.0.1:8080', '10.96.0.1:3/TCP '],
    },
    {
      name: 'two spellings of one address are one backend',
      service: { clusterIps: ['fd00:96::1'] },
      backends: { 'fd00:2::1': http, 'FD00:2:0::1': http },
      want: ['fd00:96::1:80/TCP fd00:2::1:8080'],
    },
    {
      name: 'what nothing can be sent to is left out',
      service: { ports: [{ port: 80 }] },
      backends: {
        '10.2.0.1': { http: { protocol: 'tcp', port: 80 }, any: { protocol: 'ANY', port: 80 } },
        '10.2.0.2': { http: { protocol: 'TCP', port: 0 } },
        'not-an-ip': http,
      },
      want: ['10.96.0.1:80/TCP '],
    },
  ])('$name', ({ service: overrides, backends, want }) => {
    expect(select(overrides, at(backends))).toEqual(want);
  });

  it('a slice port without number or slices without ports give no backend', () => {
    const slices = [slice({ '10.1.0.1': 'ready' }, [{ name: 'http' }]), slice({ '10.1.0.1': 'ready' }, null)];
    expect(one({ slices }, [])).toBe('|');
  });

  it('a port is that of its own slice', () => {
    const slices = [slice({ '10.1.0.1': 'ready' }, [{ name: 'http', port: 1 }]), slice({ '10.1.0.2': 'ready' })];
    expect(select({ slices }, [])).toEqual(['10.96.0.1:80/TCP 10.1.0.1:1 10.1.0.2:8080']);
  });

  it('an endpoint that one slice calls ready is active', () => {
    const slices = [slice({ '10.1.0.1': 'serving' }), slice({ '10.1.0.1': 'ready' }), slice({ '10.1.0.1': 'serving' })];
    expect(mergeGlobalService({ local: local({ slices }), remotes: [], node })[0]?.backends).toMatchObject([
      { state: 'active', clusterId: 1, portNames: ['http'] },
    ]);
  });
});

describe('one place claimed by several clusters', () => {
  const ownerOf = (slices: readonly LocalSlice[], remotes: readonly RemoteService[]): number[] =>
    mergeGlobalService({ local: local({ slices }), remotes, node }).flatMap(({ backends }) =>
      backends.map(({ clusterId }) => clusterId),
    );

  it('is the local one', () => {
    expect(ownerOf([slice({ '10.1.0.1': 'ready' })], [fresh(2, '10.1.0.1')])).toEqual([1]);
  });

  it('is that of the lowest cluster id, in whatever order they came', () => {
    expect(ownerOf([], [fresh(3, '10.9.0.1'), fresh(2, '10.9.0.1')])).toEqual([2]);
  });

  it('is that of a cluster that is usable', () => {
    expect(ownerOf([], [stale(2, '10.9.0.1'), fresh(3, '10.9.0.1')])).toEqual([3]);
  });
});

describe('order', () => {
  it('is numeric and does not depend on the order of the input (I8)', () => {
    const remotes = [fresh(3, '10.10.0.1', '10.9.0.1'), fresh(2, '10.2.0.10', '10.2.0.9')];
    const want = '10.2.0.9 10.2.0.10 10.9.0.1 10.10.0.1 |';
    expect(one({}, remotes)).toBe(want);
    expect(one({}, remotes.toReversed())).toBe(want);
  });

  it('zones travel with their backends', () => {
    const zones = { '10.2.0.1': { zone: 'eu-a', forZones: null } };
    const remotes = [published(service(2, ['10.2.0.1', '10.2.0.2'], { zones }))];
    const [frontend] = mergeGlobalService({ local: local(), remotes, node });
    expect(frontend?.backends.map(({ zone }) => zone)).toEqual(['eu-a', '']);
  });
});

describe('where the client is', () => {
  interface At {
    readonly nodeName?: string;
    readonly forZones?: readonly string[];
    readonly state?: State;
  }
  const here = (places: Readonly<Record<string, At>>): readonly LocalSlice[] =>
    Object.entries(places).map(([address, { nodeName, forZones = [], state = 'ready' }]) => ({
      endpoints: [
        {
          addresses: [address],
          conditions: conditions[state],
          nodeName,
          hints: { forZones: forZones.map((name) => ({ name })) },
        },
      ],
      ports: [{ name: 'http', port: 8080 }],
    }));
  const there = (places: Readonly<Record<string, readonly string[]>>): readonly RemoteService[] => {
    const zones = Object.entries(places).map(([address, forZones]) => {
      return [address, { zone: 'x', forZones: forZones.map((name) => ({ name })) }] as const;
    });
    return [published(service(2, Object.keys(places), { zones: Object.fromEntries(zones) }))];
  };
  const a = ['eu-a'];
  const b = ['eu-b'];
  const both = ['eu-b', 'eu-a'];

  it.each<{
    name: string;
    traffic: TrafficRule;
    affinity?: ServiceAffinity;
    at: Record<string, At>;
    remotes?: Record<string, readonly string[]>;
    zone?: string;
    want: string;
  }>([
    {
      name: 'does not matter without a rule',
      traffic: 'cluster',
      at: { '10.1.0.1': { forZones: b } },
      remotes: { '10.2.0.1': a },
      want: '10.1.0.1 10.2.0.1 |',
    },
    {
      name: 'those hinted for its zone are chosen, whichever cluster they are in',
      traffic: 'same-zone',
      at: { '10.1.0.1': { forZones: b }, '10.1.0.2': { forZones: a } },
      remotes: { '10.2.0.1': both, '10.2.0.2': b },
      want: '10.1.0.2 10.2.0.1 | 10.1.0.1 10.2.0.2',
    },
    {
      name: 'one backend without hint: hints do not count',
      traffic: 'same-zone',
      at: { '10.1.0.1': { forZones: b } },
      remotes: { '10.2.0.1': a, '10.2.0.2': [] },
      want: '10.1.0.1 10.2.0.1 10.2.0.2 |',
    },
    {
      name: 'none hinted for its zone: all',
      traffic: 'same-zone',
      at: { '10.1.0.1': { forZones: b } },
      remotes: { '10.2.0.1': b },
      want: '10.1.0.1 10.2.0.1 |',
    },
    {
      name: 'a node of no zone takes all',
      traffic: 'same-zone',
      zone: '',
      at: { '10.1.0.1': { forZones: b } },
      remotes: { '10.2.0.1': [''] },
      want: '10.1.0.1 10.2.0.1 |',
    },
    {
      name: 'affinity chooses among those of the zone',
      traffic: 'same-zone',
      affinity: 'local',
      at: { '10.1.0.1': { forZones: a }, '10.1.0.2': { forZones: b } },
      remotes: { '10.2.0.1': a, '10.2.0.2': b },
      want: '10.1.0.1 | 10.2.0.1 10.1.0.2 10.2.0.2',
    },
    {
      name: 'affinity local leaves the cluster rather than the zone',
      traffic: 'same-zone',
      affinity: 'local',
      at: { '10.1.0.1': { forZones: b } },
      remotes: { '10.2.0.1': a },
      want: '10.2.0.1 | 10.1.0.1',
    },
    {
      name: 'one of the zone that is terminating is not near enough',
      traffic: 'same-zone',
      at: { '10.1.0.1': { forZones: a, state: 'serving' } },
      remotes: { '10.2.0.1': b },
      want: '10.2.0.1 | 10.1.0.1',
    },
    {
      name: 'those of its node are chosen while there are any',
      traffic: 'same-node',
      at: { '10.1.0.1': { nodeName: 'node2' }, '10.1.0.2': { nodeName: 'node1' } },
      remotes: { '10.2.0.1': [] },
      want: '10.1.0.2 | 10.1.0.1 10.2.0.1',
    },
    {
      name: 'none on its node: all',
      traffic: 'same-node',
      at: { '10.1.0.1': { nodeName: 'node2' }, '10.1.0.2': { nodeName: 'node1', state: 'serving' } },
      remotes: { '10.2.0.1': [] },
      want: '10.1.0.1 10.2.0.1 | 10.1.0.2',
    },
    {
      name: 'of this cluster only those of its node are any, where the policy is Local; of others all are',
      traffic: 'node-local',
      at: { '10.1.0.1': { nodeName: 'node2' }, '10.1.0.2': { nodeName: 'node1' }, '10.1.0.3': {} },
      remotes: { '10.2.0.1': [] },
      want: '10.1.0.2 10.1.0.3 10.2.0.1 |',
    },
    {
      name: 'policy Local and affinity local: other clusters serve a node that has none',
      traffic: 'node-local',
      affinity: 'local',
      at: { '10.1.0.1': { nodeName: 'node2' } },
      remotes: { '10.2.0.1': [] },
      want: '10.2.0.1 |',
    },
  ])('$name', ({ traffic, affinity = 'none', at, remotes = {}, zone = 'eu-a', want }) => {
    const service = local({ traffic, affinity, slices: here(at) });
    const client = { name: 'node1', zone };
    expect(print(mergeGlobalService({ local: service, remotes: there(remotes), node: client })[0])).toBe(want);
  });

  it('a node of another cluster that has the name of ours is not ours', () => {
    const service = local({ traffic: 'same-node', slices: here({ '10.1.0.1': { nodeName: 'node2' } }) });
    const remotes = there({ '10.2.0.1': a });
    expect(mergeGlobalService({ local: service, remotes, node })[0]?.backends.map(({ nodeName }) => nodeName)).toEqual([
      'node2',
      '',
    ]);
  });
});

describe('whatever the sources say', () => {
  const address = fc.integer({ min: 1, max: 9 }).map((host) => `10.9.0.${host}`);
  const remotes = fc.array(
    fc.record({ clusterId: fc.integer({ min: 2, max: 4 }), addresses: fc.array(address), usable: fc.boolean() }),
  );
  const endpoints = fc.dictionary(address, fc.constantFrom<State>('ready', 'unknown', 'serving', 'dead'));
  const affinity = fc.constantFrom<ServiceAffinity>('local', 'remote', 'none');

  it('some backend may be chosen if there is any (I4), and each stands there once', () => {
    fc.assert(
      fc.property(remotes, endpoints, affinity, (drawn, endpointStates, preferred) => {
        const clusters = drawn.map(({ clusterId, addresses, usable }) =>
          published(service(clusterId, addresses), usable),
        );
        const slices = [slice(endpointStates)];
        const [frontend] = mergeGlobalService({
          local: local({ affinity: preferred, slices }),
          remotes: clusters,
          node,
        });
        const places = (frontend?.backends ?? []).map((backend) => formatIp(backend.address));
        const serving = Object.keys(endpointStates).filter((each) => endpointStates[each] !== 'dead');
        const listed = new Set([...serving, ...drawn.flatMap(({ addresses }) => addresses)]);
        expect(new Set(places)).toEqual(listed);
        expect(places).toHaveLength(listed.size);
        expect((frontend?.count ?? 0) > 0).toBe(places.length > 0);
        expect(frontend?.count).toBeLessThanOrEqual(places.length);
      }),
    );
  });
});
