import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { mergeGlobalService, poolOf, type SelectedFrontend } from './global-service.ts';
import { LiveFrontend } from './live-frontend.ts';
import type { LocalService } from './local-service.ts';
import type { PublishedEndpoint } from './published-endpoints.ts';
import type { RemoteService } from './remote-service.ts';

const node = { name: 'node1', zone: '' };

/** What two clusters and ours say of some addresses. */
interface Said {
  readonly here: Readonly<Record<string, Conditions>>;
  readonly east: Readonly<Record<string, PublishedEndpoint['state']>>;
  readonly north: Readonly<Record<string, PublishedEndpoint['state']>>;
}

interface Conditions {
  readonly ready: boolean;
  readonly serving: boolean;
}

const affinities = ['none', 'local', 'remote'] as const;
type Affinity = (typeof affinities)[number];

function localOf(said: Said, affinity: Affinity): LocalService {
  return {
    ...{ namespace: 'default', name: 'echo', clusterId: 1, clusterIps: ['10.96.0.1', 'fd00:96::1'] },
    ports: [
      { name: 'http', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
    ...{ includeExternal: true, affinity, traffic: 'cluster' },
    slices: Object.entries(said.here).map(([address, conditions]) => ({
      endpoints: [{ addresses: [address], conditions }],
      ports: [
        { name: 'http', port: 8080 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    })),
  };
}

function remotesOf(said: Said): readonly RemoteService[] {
  const ports = [
    { name: 'http', protocol: 'TCP', port: 8080 },
    { name: 'http', protocol: 'TCP', port: 8081 },
  ];
  return [said.east, said.north].map((listed, at) => ({
    ...{ cluster: `c${at}`, clusterId: at + 2, usable: true },
    endpoints: Object.entries(listed).map(([address, state]) => ({ address, ports, state, zone: '', forZones: [] })),
  }));
}

const address = fc.constantFrom(...[1, 2, 3, 4, 5].flatMap((host) => [`10.9.0.${host}`, `fd00:9::${host}`]));
const remote = fc.dictionary(address, fc.constantFrom('active' as const, 'terminating' as const, 'down' as const));
const said: fc.Arbitrary<Said> = fc.record({
  here: fc.dictionary(address, fc.record({ ready: fc.boolean(), serving: fc.boolean() })),
  ...{ east: remote, north: remote },
});

const whole = (now: Said, affinity: Affinity): readonly SelectedFrontend[] =>
  mergeGlobalService({ local: localOf(now, affinity), remotes: remotesOf(now), node });

/** Every address that either tells of. */
function addressesOf(...states: readonly Said[]): ReadonlySet<string> {
  return new Set(
    states.flatMap(({ here, east, north }) => [here, east, north].flatMap((listed) => Object.keys(listed))),
  );
}

/** Keeps the number of each backend that stays, and tells of those that go. */
function follow(frontend: LiveFrontend, now: Said, only: ReadonlySet<string>, affinity: Affinity): void {
  const idByKey = new Map(frontend.selected.backends.map(({ key }, at) => [key, frontend.ids[at]]));
  const pool = poolOf({ local: localOf(now, affinity), remotes: remotesOf(now), node, only });
  const gone = frontend.replace(only, pool, (_, previous) => previous?.id ?? 0);
  const { ids, selected } = frontend;
  expect(selected.backends.map(({ key }) => idByKey.get(key) ?? 0)).toEqual([...ids]);
  const keys = new Set(selected.backends.map(({ key }) => key));
  const left = [...idByKey.keys()].filter((key) => !keys.has(key));
  expect(new Set(gone.map(({ backend }) => backend.key))).toEqual(new Set(left));
}

it('a selected frontend that follows changes address by address is what selecting everything again gives', () => {
  fc.assert(
    fc.property(said, fc.array(said, { maxLength: 5 }), fc.constantFrom(...affinities), (first, later, affinity) => {
      const live = whole(first, affinity).map(
        (frontend) =>
          new LiveFrontend(
            frontend,
            localOf(first, affinity),
            [...frontend.backends.keys()].map((at) => at + 1),
          ),
      );
      let before = first;
      for (const now of later) {
        const only = addressesOf(before, now);
        for (const frontend of live) follow(frontend, now, only, affinity);
        expect(live.map(({ selected }) => selected)).toEqual(whole(now, affinity));
        before = now;
      }
    }),
  );
});
