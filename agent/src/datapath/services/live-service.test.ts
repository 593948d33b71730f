import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { changedLocalAddresses } from '@clustermesh/select';
import type { LocalService, LocalSlice, PublishedEndpoint } from '@clustermesh/select';
import { formatIp } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

import { BackendRecords, backendState } from '../../maps/backend.ts';
import type { BackendRecord } from '../../maps/backend.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { encodeServiceKey } from '../../maps/service.ts';
import { SlotRecords } from '../../maps/slot.ts';
import { ServiceTable } from '../../tables/service-table.ts';
import { protocolNumber } from './protocols.ts';
import { RestoredBackends } from './restored-backends.ts';
import { ServiceProgrammer } from './service-programmer.ts';
import { ServiceReconciler } from './service-reconciler.ts';

const name = 'default/echo';
const east = { cluster: 'east' as ClusterName, clusterId: 2 };
const perSlice = 50;
const sliceCount = 8;
/** Backends that may be programmed and yet draining or quarantined, after hundreds of rounds without a pause. */
const room = 8_192;

class WrittenBackends extends BackendRecords {
  written = 0;

  override write(id: number, serviceId: number, backend: BackendRecord): void {
    this.written++;
    super.write(id, serviceId, backend);
  }
}

const addressOf = (cluster: number, host: number): string => `10.${cluster}.${host >> 8}.${host & 255}`;

class Fixture {
  readonly clock = new FakeClock();
  readonly maps = memoryDatapathMaps({ ...defaultMapSizes, svc: 8, slot: 65_536, backend: room, ipc_host: 8 });
  readonly backends = new WrittenBackends(this.maps.backend);
  /** How often all backends were looked at. */
  looks = 0;
  readonly table = new ServiceTable({
    monotonicMs: () => this.clock.monotonicMs(),
    onChange: () => undefined,
    paths: {
      begin: () => {
        this.looks++;
      },
      of: () => () => 'open',
      hasForeign: () => false,
      listed: () => undefined,
    },
  });
  readonly programmer = new ServiceProgrammer({
    maps: { services: this.maps.svc, slots: new SlotRecords(this.maps.slot), backends: this.backends },
    clock: this.clock,
    drainMs: 1_000,
    onBackendsEnded: () => undefined,
  });
  readonly reconciler = new ServiceReconciler({
    table: this.table,
    programmer: this.programmer,
    restored: new RestoredBackends(),
  });
  readonly localSlices = new Map<number, LocalSlice>();
  affinity: LocalService['affinity'] = 'none';

  constructor() {
    this.table.remote.setSlicesKnown(east.cluster, true);
    this.local();
  }

  /** Slice `number` of a cluster's: hosts with their state, from `number * perSlice` on. */
  remoteSlice(number: number, states: readonly PublishedEndpoint['state'][]): void {
    const ports = [{ name: 'http', protocol: 'TCP', port: 8080 }];
    const endpoints = states.map((state, at) => ({
      ...{ address: addressOf(2, number * perSlice + at), ports, state, zone: '', forZones: [] },
    }));
    const row = { service: name, endpoints };
    this.table.remote.setSlice(east, `default/echo-${number}`, states.length === 0 ? undefined : row);
  }

  localSlice(number: number, ready: readonly boolean[]): void {
    const before = this.localSlices.get(number);
    const slice: LocalSlice = {
      endpoints: ready.map((isReady, at) => ({
        addresses: [addressOf(1, number * perSlice + at)],
        conditions: { ready: isReady },
      })),
      ports: [{ name: 'http', port: 8080 }],
    };
    this.localSlices.set(number, slice);
    this.local(changedLocalAddresses(before, slice));
  }

  local(addresses?: ReadonlySet<string>): void {
    const service: LocalService = {
      ...{ namespace: 'default', name: 'echo', clusterId: 1, clusterIps: ['10.96.0.1'] },
      ports: [
        { name: 'http', port: 80 },
        { name: 'http', port: 81 },
      ],
      ...{ includeExternal: true, affinity: this.affinity, traffic: 'cluster' },
      slices: [...this.localSlices.values()],
    };
    this.table.setLocal(name, { service, affinityTimeoutS: 0 }, addresses);
  }

  round(): void {
    this.reconciler.apply(this.table.takeChanges(100));
  }

  /** The maps, frontend by frontend: what may be chosen, and what else there is. */
  programmed(): readonly unknown[] {
    return this.reconciler.select(name).map((frontend) => {
      const key = encodeServiceKey({ ...frontend, protocol: protocolNumber(frontend.protocol) ?? 0 });
      const backends = this.programmer.backendsOf(key);
      return {
        port: frontend.port,
        count: this.programmer.get(key)?.count,
        backends: backends.map(({ backend }) => `${formatIp(backend.address)}:${backend.port}@${backend.clusterId}`),
        states: new Set(backends.filter(({ isChosen }) => isChosen).map(({ state }) => state)),
      };
    });
  }

  wanted(): readonly unknown[] {
    return this.reconciler.select(name).map(({ port, count, backends }) => ({
      ...{ port, count },
      backends: backends.map((backend) => `${formatIp(backend.address)}:${backend.port}@${backend.clusterId}`),
      states: new Set(count === 0 ? [] : [backendState.active]),
    }));
  }
}

const all = (state: PublishedEndpoint['state'] = 'active') => Array.from({ length: perSlice }, () => state);

describe('a large service of which single backends change', () => {
  it('is in the maps what selecting all of it gives, after every change', async () => {
    const fixture = new Fixture();
    const random = seededRandom(7);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    const states: PublishedEndpoint['state'][][] = [];
    for (let number = 0; number < sliceCount; number++) {
      states.push(all());
      fixture.remoteSlice(number, all());
    }
    fixture.round();
    for (let step = 0; step < 150; step++) {
      const number = below(sliceCount);
      const slice = states[number] ?? [];
      const drawn = below(12);
      if (drawn === 0) fixture.localSlice(number, [random.next() < 0.5, random.next() < 0.5, true]);
      else if (drawn === 1) slice.length = Math.min(slice.length, below(perSlice));
      else if (drawn === 2) states[number] = all();
      else if (slice.length > 0)
        slice[below(slice.length)] = (['active', 'terminating', 'down'] as const)[below(3)] ?? 'down';
      if (drawn === 3) fixture.table.remote.setUsable(east.cluster, below(2) === 0);
      if (drawn === 4) {
        fixture.affinity = (['none', 'local', 'remote'] as const)[below(3)] ?? 'none';
        fixture.local();
      }
      fixture.remoteSlice(number, states[number] ?? []);
      if (below(4) > 0) fixture.round();
      if (below(8) === 0) await fixture.clock.advance(4_000);
      if (!fixture.table.hasChanges) expect(fixture.programmed()).toEqual(fixture.wanted());
    }
    expect(fixture.reconciler.problems.size).toBe(0);
  });

  it('is looked at where it has changed alone: one record is written, and no slot where nothing came of it', async () => {
    const fixture = new Fixture();
    for (let number = 0; number < sliceCount; number++) fixture.remoteSlice(number, all());
    fixture.round();
    fixture.remoteSlice(3, all().slice(1));
    fixture.round();
    await fixture.clock.advance(10_000);
    fixture.round();
    const before = fixture.backends.written;
    const { looks } = fixture;
    const slots = fixture.programmer.used.slots;
    // With a frontend for each of two ports.
    fixture.remoteSlice(3, all());
    fixture.round();
    expect(fixture.backends.written).toBe(before + 2);
    await fixture.clock.advance(10_000);
    fixture.round();
    fixture.table.touch(name, new Set([addressOf(2, 3)]));
    fixture.round();
    expect(fixture.backends.written).toBe(before + 2);
    expect(fixture.programmer.used.slots).toBe(slots);
    expect(fixture.looks).toBe(looks);
    expect(fixture.programmed()).toEqual(fixture.wanted());
  });

  it('is looked at as a whole again when a round fails in its middle', async () => {
    const fixture = new Fixture();
    for (let number = 0; number < sliceCount; number++) fixture.remoteSlice(number, all());
    fixture.round();
    for (const length of [49, 48]) {
      fixture.remoteSlice(0, all().slice(0, length));
      fixture.round();
    }
    // Those that were removed are not taken back.
    await fixture.clock.advance(60_000);
    const { written } = fixture.backends;
    const write = fixture.backends.write.bind(fixture.backends);
    fixture.backends.write = () => {
      throw new Error('no such map');
    };
    fixture.remoteSlice(0, all());
    expect(() => fixture.round()).toThrow('no such map');
    fixture.backends.write = write;
    fixture.table.touch(name);
    fixture.round();
    expect(fixture.backends.written).toBeGreaterThan(written);
    expect(fixture.programmed()).toEqual(fixture.wanted());
  });
});
