import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PublishedEndpoint } from '@clustermesh/select';
import type { ClusterName } from '@clustermesh/wire';
import fc from 'fast-check';

import { RemoteServices } from './remote-services.ts';

const east = { cluster: 'east' as ClusterName, clusterId: 2 };
const name = 'default/echo';

function list(...hosts: readonly number[]): readonly PublishedEndpoint[] {
  return hosts.map((host) => ({ address: `10.2.0.${host}`, ports: [], state: 'active', zone: '', forZones: [] }));
}

let nowMs: number;
let changed: string[];
let listed: Map<string, number>;
let services: RemoteServices;

beforeEach(() => {
  nowMs = 0;
  changed = [];
  listed = new Map();
  services = new RemoteServices({
    monotonicMs: () => nowMs,
    onChange: (service) => changed.push(service),
    onListed: (service, before, after) => {
      for (const [endpoints, change] of [[before, -1] as const, [after, 1] as const])
        for (const { address } of endpoints) {
          listed.set(`${service} ${address}`, (listed.get(`${service} ${address}`) ?? 0) + change);
        }
    },
  });
});

const entry = (...hosts: readonly number[]): void => services.setEntry(east, name, list(...hosts));
const slice = (number: number, ...hosts: readonly number[]): void =>
  services.setSlice(east, `default/echo-${number}`, { service: name, endpoints: list(...hosts) });
const dropSlice = (number: number): void => services.setSlice(east, `default/echo-${number}`, undefined);
const known = (): void => services.setSlicesKnown(east.cluster, true);
/** The last numbers of the addresses that count; undefined: nothing does. */
const hosts = (): readonly number[] | undefined =>
  services.of(name)[0]?.endpoints.map(({ address }) => Number(address.split('.')[3]));
const form = (): string | undefined => [...services.published(name)][0]?.form;

describe('a service that is published in slices alone', () => {
  it('does not exist before all slices of its cluster have been read', () => {
    slice(1, 1, 2);
    expect(hosts()).toBeUndefined();
    slice(2, 3);
    known();
    expect(hosts()).toEqual([1, 2, 3]);
  });

  it('follows its slices, one by one', () => {
    known();
    slice(1, 1, 2);
    slice(2, 3);
    slice(1, 2);
    expect(hosts()).toEqual([2, 3]);
    dropSlice(2);
    expect(hosts()).toEqual([2]);
    dropSlice(1);
    expect(hosts()).toBeUndefined();
  });

  it('loses a slice that becomes another service\u2019s, which has it first', () => {
    known();
    slice(1, 1);
    changed = [];
    services.setSlice(east, 'default/echo-1', { service: 'default/other', endpoints: list(1) });
    expect(changed).toEqual(['default/other', name]);
    expect(hosts()).toBeUndefined();
    expect(services.of('default/other')[0]?.endpoints).toEqual(list(1));
  });
});

describe('a service that is published in both forms', () => {
  it('is as its slices say once they tell of all that the one value lists', () => {
    known();
    entry(1, 2, 3);
    slice(1, 1, 2);
    expect([form(), hosts()]).toEqual(['services', [1, 2, 3]]);
    slice(2, 3, 4);
    expect([form(), hosts()]).toEqual(['endpointslices', [1, 2, 3, 4]]);
  });

  it('is as its slices say from then on, whichever of both is renewed first', () => {
    known();
    entry(1, 2);
    slice(1, 1, 2);
    slice(1, 2, 3);
    expect(hosts()).toEqual([2, 3]);
    entry(2, 3, 4);
    expect(hosts()).toEqual([2, 3]);
    slice(1, 2, 3, 4);
    expect(hosts()).toEqual([2, 3, 4]);
  });

  it('is as the one value says until all slices of the cluster have been read', () => {
    entry(1);
    slice(1, 1);
    expect(form()).toBe('services');
    known();
    expect(form()).toBe('endpointslices');
  });

  it('is as the one value says when a slice goes whose endpoints may come again in another', () => {
    known();
    entry(1, 2, 3);
    slice(1, 1, 2);
    slice(2, 3);
    dropSlice(1);
    expect([form(), hosts()]).toEqual(['services', [1, 2, 3]]);
    slice(2, 1, 2, 3);
    expect([form(), hosts()]).toEqual(['endpointslices', [1, 2, 3]]);
  });

  it('does not wait for ever for slices that never list what the one value does: that one is old', () => {
    known();
    entry(1, 9);
    slice(1, 1, 2);
    nowMs = 9_999;
    services.tick();
    expect(hosts()).toEqual([1, 9]);
    nowMs = 10_000;
    changed = [];
    services.tick();
    expect([form(), hosts(), changed]).toEqual(['endpointslices', [1, 2], [name]]);
    dropSlice(1);
    slice(2, 2);
    expect(hosts()).toEqual([2]);
  });

  it('does not end with the first of the two that goes', () => {
    known();
    entry(1);
    slice(1, 1);
    services.setEntry(east, name, undefined);
    expect(hosts()).toEqual([1]);
    entry(1);
    dropSlice(1);
    expect(hosts()).toEqual([1]);
    services.setEntry(east, name, undefined);
    expect(hosts()).toBeUndefined();
  });
});

describe('a cluster that publishes slices no more', () => {
  it('keeps them until there is the one value, which counts from then on', () => {
    known();
    slice(1, 1, 2);
    services.setSlicesKnown(east.cluster, false);
    expect(hosts()).toEqual([1, 2]);
    entry(2, 3);
    expect([form(), hosts()]).toEqual(['services', [2, 3]]);
    dropSlice(1);
    expect(hosts()).toEqual([2, 3]);
  });
});

it('tells of a cluster that is not to be used, in either form', () => {
  known();
  slice(1, 1);
  services.setEntry(east, 'default/other', list(2));
  changed = [];
  services.setUsable(east.cluster, false);
  expect(changed).toEqual([name, 'default/other']);
  expect([name, 'default/other'].map((one) => services.of(one)[0]?.usable)).toEqual([false, false]);
});

it('is never emptied, and tells of every address as often as values list it, whatever comes in whatever order (I4)', () => {
  const host = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('entry' as const), at: host }),
    fc.record({ kind: fc.constant('slice' as const), number: fc.integer({ min: 1, max: 3 }), at: host }),
    fc.record({ kind: fc.constant('drop' as const), number: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('known' as const), is: fc.boolean() }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      known();
      entry(1);
      for (const one of steps) {
        if (one.kind === 'entry') entry(...one.at);
        if (one.kind === 'slice') slice(one.number, ...one.at);
        if (one.kind === 'drop') dropSlice(one.number);
        if (one.kind === 'known') services.setSlicesKnown(east.cluster, one.is);
        if (one.kind === 'wait') {
          nowMs += one.ms;
          services.tick();
        }
        expect(hosts()?.length).toBeGreaterThan(0);
      }
      for (const number of [1, 2, 3]) dropSlice(number);
      services.setEntry(east, name, undefined);
      expect([...services.published(name)]).toEqual([]);
      expect([...listed.values()].filter((count) => count !== 0)).toEqual([]);
    }),
  );
});
