import { describe, expect, it } from '@jest/globals';
import type { BpfMap } from '@clustermesh/ebpf';
import { FakeClock } from '@clustermesh/runtime';
import fc from 'fast-check';

import { BackendRecords, backendState } from '../../maps/backend.ts';
import type { BackendRecord } from '../../maps/backend.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeServiceValue, encodeServiceKey } from '../../maps/service.ts';
import { SlotRecords } from '../../maps/slot.ts';
import { ServiceProgrammer } from './service-programmer.ts';
import type { FrontendProgram } from './service-programmer.ts';

const drainMs = 10_000;
const smallMaps = { ...defaultMapSizes, svc: 8, slot: 128, backend: 96, node: 8, probe: 8, ipc_host: 8, ipc_cidr: 8 };

function address(...octets: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets]);
}

function frontendKey(number: number): Uint8Array {
  return encodeServiceKey({ address: address(10, 101, 0, number), port: 80, protocol: 6 });
}

function backend(number: number, clusterId = 1): BackendRecord {
  return { address: address(10, 1, 0, number), port: 8080, protocol: 6, clusterId, zone: 0 };
}

function program(
  frontend: number,
  backends: readonly number[],
  change: Partial<FrontendProgram> = {},
): FrontendProgram {
  return {
    key: frontendKey(frontend),
    backends: backends.map((number) => backend(number)),
    count: backends.length,
    keepable: backends.length,
    homeFirst: 0,
    homeCount: 0,
    flags: 0,
    affinityTimeoutS: 0,
    ...change,
  };
}

/** One of more than an octet can tell. */
function wide(number: number): BackendRecord {
  return { ...backend(0), address: address(10, 2, number >> 8, number & 0xff) };
}

/** Maps that call `written` after every single write, as another CPU could look in between. */
function open(written: () => void = () => undefined, sizes = smallMaps) {
  const memory = memoryDatapathMaps(sizes);
  class WatchedSlots extends SlotRecords {
    override write(slot: number, backendId: number, serviceId: number): void {
      super.write(slot, backendId, serviceId);
      written();
    }
  }
  class WatchedBackends extends BackendRecords {
    override write(...args: Parameters<BackendRecords['write']>): void {
      super.write(...args);
      written();
    }
    override setState(...args: Parameters<BackendRecords['setState']>): void {
      super.setState(...args);
      written();
    }
    override free(id: number): void {
      super.free(id);
      written();
    }
  }
  const services: BpfMap = watched(memory.svc, written);
  const maps = { services, slots: new WatchedSlots(memory.slot), backends: new WatchedBackends(memory.backend) };
  const clock = new FakeClock();
  const ended = { times: 0 };
  const onBackendsEnded = (): void => {
    ended.times++;
  };
  return { maps, memory, clock, ended, programmer: new ServiceProgrammer({ maps, clock, drainMs, onBackendsEnded }) };
}

function watched(map: BpfMap, written: () => void): BpfMap {
  const update = (key: Uint8Array, value: Uint8Array): void => {
    map.update(key, value);
    written();
  };
  return {
    name: map.name,
    type: map.type,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    lookup: (key) => map.lookup(key),
    update,
    delete: (key) => {
      const was = map.delete(key);
      written();
      return was;
    },
    updateBatch: (keys, values, count) => {
      for (let i = 0; i < count; i++) {
        update(
          keys.slice(i * map.keySize, (i + 1) * map.keySize),
          values.slice(i * map.valueSize, (i + 1) * map.valueSize),
        );
      }
    },
    deleteBatch: (keys, count) => map.deleteBatch(keys, count),
    entries: () => map.entries(),
  };
}

/** What the datapath sees of one frontend: every choice it could make, or why it must look again. */
function look({ maps }: ReturnType<typeof open>, key: Uint8Array): readonly string[] | 'none' | 'broken' {
  const value = maps.services.lookup(key);
  if (value === undefined) return 'none';
  const record = decodeServiceValue(value);
  const seen: string[] = [];
  for (let slot = 0; slot < record.count; slot++) {
    const { backendId, serviceId } = maps.slots.read(record.slotBase + slot);
    const isMine = serviceId === record.serviceId && maps.backends.serviceId(backendId) === record.serviceId;
    if (!isMine || maps.backends.state(backendId) !== backendState.active) return 'broken';
    seen.push(maps.backends.read(backendId).address.subarray(12).join('.'));
  }
  return seen;
}

function expected(programmed: FrontendProgram): readonly string[] {
  return programmed.backends.slice(0, programmed.count).map((one) => one.address.subarray(12).join('.'));
}

describe('ServiceProgrammer', () => {
  it('shows backends in their order, the chosen ones first', () => {
    const datapath = open();
    datapath.programmer.apply([program(1, [3, 1, 2], { count: 2 })]);
    expect(look(datapath, frontendKey(1))).toEqual(['10.1.0.3', '10.1.0.1']);
    expect(datapath.programmer.get(frontendKey(1))).toMatchObject({ count: 2, total: 3 });
  });

  it('writes nothing when nothing changed', () => {
    let writes = 0;
    const datapath = open(() => writes++);
    datapath.programmer.apply([program(1, [1, 2, 3])]);
    writes = 0;
    datapath.programmer.apply([program(1, [1, 2, 3])]);
    expect(writes).toBe(0);
  });

  it('flips the number of chosen backends by one update', () => {
    let writes = 0;
    const datapath = open(() => writes++);
    datapath.programmer.apply([program(1, [1, 2, 3], { count: 1 })]);
    writes = 0;
    datapath.programmer.apply([program(1, [1, 2, 3], { count: 3 })]);
    expect(writes).toBe(1);
    expect(look(datapath, frontendKey(1))).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3']);
  });

  it('writes only the record that is new', () => {
    const datapath = open();
    datapath.programmer.apply([program(1, [1, 2, 3, 4])]);
    const before = datapath.programmer.used.backends;
    datapath.programmer.apply([program(1, [1, 5, 3, 4])]);
    expect(datapath.programmer.used.backends).toBe(before + 1);
    expect(look(datapath, frontendKey(1))).toEqual(['10.1.0.1', '10.1.0.5', '10.1.0.3', '10.1.0.4']);
  });

  it('lets removed backends terminate, then frees and quarantines their ids before they are used again', async () => {
    const datapath = open();
    datapath.programmer.apply([program(1, [1, 2])]);
    datapath.programmer.apply([program(1, [1])]);
    expect(datapath.maps.backends.state(2)).toBe(backendState.terminating);
    await datapath.clock.advance(drainMs);
    datapath.programmer.reclaim();
    expect(datapath.maps.backends.state(2)).toBe(backendState.free);
    expect(datapath.programmer.used.backends).toBe(2);
    await datapath.clock.advance(1_999);
    datapath.programmer.reclaim();
    expect(datapath.programmer.used.backends).toBe(2);
    await datapath.clock.advance(1);
    datapath.programmer.reclaim();
    expect(datapath.programmer.used.backends).toBe(1);
  });

  it('takes a backend that comes back while it drains for the one that it was, as often as that happens', async () => {
    const { programmer, clock, ended, maps } = open();
    const idOf2 = (): number | undefined => programmer.backendsOf(frontendKey(1))[1]?.id;
    programmer.apply([program(1, [1, 2])]);
    const id = idOf2() ?? 0;
    for (let times = 0; times < 3; times++) {
      programmer.apply([program(1, [1])]);
      await clock.advance(1_000);
      programmer.apply([program(1, [1, 2])]);
      expect(idOf2()).toBe(id);
    }
    await clock.advance(drainMs);
    programmer.reclaim();
    expect([maps.backends.state(id), ended.times, programmer.used.backends]).toEqual([backendState.active, 0, 2]);
    programmer.apply([program(1, [1])]);
    await clock.advance(drainMs - 1);
    programmer.reclaim();
    expect(maps.backends.state(id)).toBe(backendState.terminating);
    await clock.advance(1);
    programmer.reclaim();
    expect([maps.backends.state(id), ended.times]).toEqual([backendState.free, 1]);
  });

  it.each([
    ['of another frontend', [program(2, [2])]],
    ['of another cluster', [program(1, [1, 2], { backends: [backend(1), backend(2, 7)] })]],
  ])('takes no backend at the same address for the one that drains: %s', async (_, programs) => {
    const { programmer, clock, maps } = open();
    programmer.apply([program(1, [1, 2])]);
    const id = programmer.backendsOf(frontendKey(1))[1]?.id ?? 0;
    programmer.apply([program(1, [1])]);
    programmer.apply(programs);
    expect(maps.backends.state(id)).toBe(backendState.terminating);
    await clock.advance(drainMs);
    programmer.reclaim();
    expect(maps.backends.state(id)).toBe(backendState.free);
  });

  it('lets a backend drain on that comes back where there is no room for its slot', async () => {
    const { programmer, clock, maps } = open(undefined, { ...smallMaps, slot: 8 });
    programmer.apply([program(1, [1, 2])]);
    const id = programmer.backendsOf(frontendKey(1))[1]?.id ?? 0;
    programmer.apply([program(1, [1])]);
    expect(programmer.apply([program(1, [1, 2, 3, 4, 5, 6, 7, 8])])).toHaveLength(1);
    expect(maps.backends.state(id)).toBe(backendState.terminating);
    await clock.advance(drainMs);
    programmer.reclaim();
    expect(maps.backends.state(id)).toBe(backendState.free);
  });

  it('tells when backends have ended: after their drain, once a round', async () => {
    const { programmer, clock, ended } = open();
    programmer.apply([program(1, [1, 2, 3]), program(2, [4])]);
    programmer.apply([program(1, [1])], [frontendKey(2)]);
    await clock.advance(drainMs - 1);
    programmer.reclaim();
    expect(ended.times).toBe(0);
    await clock.advance(1);
    programmer.reclaim();
    programmer.reclaim();
    expect(ended.times).toBe(1);
  });

  it('ends many backends in pieces, and says when that were all', async () => {
    const each = 3_000;
    const { programmer, clock, maps } = open(undefined, { ...smallMaps, slot: 16_384, backend: 16_384 });
    const backends = (from: number) => Array.from({ length: each }, (_, at) => wide(from + at));
    programmer.apply([0, 1, 2].map((number) => ({ ...program(number, []), backends: backends(number * each) })));
    programmer.apply([], [0, 1, 2].map(frontendKey));
    const draining = (): number => [...Array(3 * each).keys()].filter((at) => maps.backends.state(at + 1) !== 0).length;
    await clock.advance(drainMs);
    expect([programmer.reclaim(), draining()]).toEqual([true, each]);
    expect([programmer.reclaim(), draining()]).toEqual([false, 0]);
  });

  it('ends removed backends at once when their address is gone, but uses their ids no sooner', async () => {
    const { programmer, clock, ended, maps } = open();
    programmer.apply([program(1, [1, 2]), program(2, [1])]);
    const at1 = [frontendKey(1), frontendKey(2)].map((key) => programmer.backendsOf(key)[0]?.id ?? 0);
    programmer.apply([program(1, [2]), program(2, [])]);
    programmer.addressGone(backend(2).address);
    programmer.addressGone(backend(1).address);
    expect(at1.map((id) => maps.backends.state(id))).toEqual([backendState.free, backendState.free]);
    expect(programmer.backendsOf(frontendKey(1)).map(({ state }) => state)).toEqual([backendState.active]);
    expect(ended.times).toBe(1);
    await clock.advance(drainMs + 1_999);
    programmer.reclaim();
    programmer.apply([program(2, [3])]);
    expect(at1).not.toContain(programmer.backendsOf(frontendKey(2))[0]?.id);
    expect(programmer.used.backends).toBe(4);
    await clock.advance(2_000);
    programmer.reclaim();
    expect(programmer.used.backends).toBe(2);
  });

  it('lets backends drain to the end when another address is gone, and forgets those that have', async () => {
    const { programmer, clock, ended, maps } = open();
    programmer.apply([program(1, [1, 2])]);
    programmer.apply([program(1, [])]);
    programmer.addressGone(backend(3).address);
    expect([1, 2].map((id) => maps.backends.state(id))).toEqual(Array(2).fill(backendState.terminating));
    await clock.advance(drainMs);
    programmer.reclaim();
    expect(ended.times).toBe(1);
    programmer.addressGone(backend(1).address);
    expect(ended.times).toBe(1);
  });

  it('quarantines backends that clients with affinity must leave, and admits them again', () => {
    const datapath = open();
    const { programmer, maps } = datapath;
    const states = (): number[] => programmer.backendsOf(frontendKey(1)).map(({ id }) => maps.backends.state(id));
    const { active, quarantined } = backendState;
    programmer.apply([program(1, [1, 2, 3], { count: 1, keepable: 2 })]);
    expect(states()).toEqual([active, active, quarantined]);
    programmer.apply([program(1, [1, 2, 3], { count: 1, keepable: 1 })]);
    expect(states()).toEqual([active, quarantined, quarantined]);
    programmer.apply([program(1, [2, 3, 1], { count: 2, keepable: 2 })]);
    expect(states()).toEqual([active, active, quarantined]);
    programmer.apply([program(1, [2, 3, 1], { count: 2, keepable: 3 })]);
    expect(states()).toEqual([active, active, active]);
  });

  it('uses no slot of a replaced extent again within two seconds', async () => {
    const datapath = open();
    datapath.programmer.apply([program(1, [1, 2])]);
    const first = datapath.programmer.get(frontendKey(1))?.slotBase;
    datapath.programmer.apply([program(1, [2, 1])]);
    datapath.programmer.apply([program(1, [1, 2])]);
    expect(datapath.programmer.get(frontendKey(1))?.slotBase).not.toBe(first);
    expect(datapath.programmer.used.slots).toBe(6);
    await datapath.clock.advance(2_000);
    datapath.programmer.reclaim();
    expect(datapath.programmer.used.slots).toBe(2);
  });

  it('removes the frontend before its backends', () => {
    const seen: unknown[] = [];
    const datapath: ReturnType<typeof open> = open(() => seen.push(look(datapath, frontendKey(1))));
    datapath.programmer.apply([program(1, [1, 2])]);
    seen.length = 0;
    datapath.programmer.apply([], [frontendKey(1)]);
    expect(new Set(seen)).toEqual(new Set(['none']));
  });

  it.each([
    { name: 'backend', sizes: { ...smallMaps, backend: 4 }, reason: 'the backend map is full' },
    { name: 'slot', sizes: { ...smallMaps, slot: 4 }, reason: 'the slot map is full' },
  ])('keeps the old state and says why when the $name map is full', ({ sizes, reason }) => {
    const datapath = open(undefined, sizes);
    datapath.programmer.apply([program(1, [1, 2])]);
    const refusals = datapath.programmer.apply([program(1, [3, 4, 5, 6, 7])]);
    expect(refusals).toEqual([{ key: frontendKey(1), reason }]);
    expect(look(datapath, frontendKey(1))).toEqual(['10.1.0.1', '10.1.0.2']);
  });

  it('programs what still fits when the service map is full in the middle of a batch', () => {
    const datapath = open(undefined, { ...smallMaps, svc: 2 });
    const refusals = datapath.programmer.apply([1, 2, 3].map((number) => program(number, [number])));
    expect(refusals.map(({ key }) => key)).toEqual([frontendKey(3)]);
    expect(look(datapath, frontendKey(2))).toEqual(['10.1.0.2']);
    expect(datapath.programmer.used.services).toBe(2);
  });

  it('takes over what a predecessor programmed without writing to it', () => {
    let writes = 0;
    const before = open(() => writes++);
    before.programmer.apply([program(1, [1, 2]), program(2, [3])]);
    const after = new ServiceProgrammer({ ...before, drainMs, onBackendsEnded: () => undefined });
    writes = 0;
    after.restore();
    after.apply([program(1, [1, 2]), program(2, [3])]);
    expect(writes).toBe(0);
    after.apply([program(2, [3, 4])]);
    expect(look(before, frontendKey(1))).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(look(before, frontendKey(2))).toEqual(['10.1.0.3', '10.1.0.4']);
  });

  it('drains records that a predecessor wrote but never showed', async () => {
    const before = open();
    before.programmer.apply([program(1, [1])]);
    before.maps.backends.write(50, 9, backend(9));
    const after = new ServiceProgrammer({ ...before, drainMs, onBackendsEnded: () => undefined });
    after.restore();
    await before.clock.advance(drainMs);
    after.reclaim();
    expect(before.maps.backends.state(50)).toBe(backendState.free);
    expect(look(before, frontendKey(1))).toEqual(['10.1.0.1']);
  });

  it('sweeps what nobody wants and nothing else', () => {
    const datapath = open();
    datapath.programmer.apply([program(1, [1]), program(2, [2])]);
    datapath.programmer.sweep((key) => key[15] === 2);
    expect(look(datapath, frontendKey(1))).toBe('none');
    expect(look(datapath, frontendKey(2))).toEqual(['10.1.0.2']);
  });

  it('never shows a half-written service, whatever changes and whenever it is looked at (I2)', async () => {
    const backends = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 6 });
    const change = fc.record({
      frontend: fc.integer({ min: 1, max: 4 }),
      backends: fc.option(backends, { nil: undefined }),
      chosen: fc.integer({ min: 0, max: 6 }),
      keepable: fc.integer({ min: 0, max: 6 }),
    });
    const round = fc.record({
      changes: fc.uniqueArray(change, { maxLength: 4, selector: (one) => one.frontend }),
      waitMs: fc.constantFrom(0, 100, 2_000, drainMs),
      restart: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 12 }), async (rounds) => {
        /** What a reader may see of each frontend now: before the round or after it. */
        const allowed = new Map<number, string[]>();
        const view = (frontend: number): string => JSON.stringify(look(datapath, frontendKey(frontend)));
        const datapath: ReturnType<typeof open> = open(() => {
          for (const [frontend, views] of allowed) {
            if (!views.includes(view(frontend))) expect(view(frontend)).toBe(views);
          }
        });
        let { programmer } = datapath;
        for (const { changes, waitMs, restart } of rounds) {
          for (const frontend of [1, 2, 3, 4]) allowed.set(frontend, [view(frontend)]);
          const upserts: FrontendProgram[] = [];
          const removals: Uint8Array[] = [];
          for (const { frontend, backends: wanted, chosen, keepable } of changes) {
            const count = Math.min(chosen, wanted?.length ?? 0);
            const next = wanted && program(frontend, wanted, { count, keepable: Math.max(count, keepable) });
            if (next === undefined) removals.push(frontendKey(frontend));
            else upserts.push(next);
            allowed.get(frontend)?.push(JSON.stringify(next === undefined ? 'none' : expected(next)));
          }
          const refused = programmer.apply(upserts, removals).map(({ key }) => key);
          for (const next of upserts.filter(({ key }) => !refused.includes(key))) {
            expect(look(datapath, next.key)).toEqual(expected(next));
          }
          if (waitMs > 0) await datapath.clock.advance(waitMs);
          if (!restart) continue;
          programmer = new ServiceProgrammer({ ...datapath, drainMs, onBackendsEnded: () => undefined });
          programmer.restore();
        }
      }),
      { numRuns: 60 },
    );
  });
});
