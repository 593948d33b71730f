import type { Clock } from '@clustermesh/runtime';

import type { SlotRecords } from '../../maps/slot.ts';
import { quarantineMs } from './backend-pool.ts';
import { DelayQueue } from '../delay-queue.ts';
import { ExtentAllocator } from './extent-allocator.ts';

interface Extent {
  readonly base: number;
  readonly length: number;
}

/** Extents of slots. One that a service pointed at is never changed, only replaced and, later, used again. */
export class SlotPool {
  readonly #records: SlotRecords;
  readonly #clock: Clock;
  readonly #extents: ExtentAllocator;
  readonly #quarantined = new DelayQueue<Extent>(quarantineMs);

  constructor(options: { readonly records: SlotRecords; readonly clock: Clock }) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#extents = new ExtentAllocator(options.records.capacity);
  }

  get used(): number {
    return this.#extents.used;
  }

  /** Writes the backends into a fresh extent and returns its base (0 for none); `undefined` when there is no room. */
  write(serviceId: number, backendIds: Uint32Array): number | undefined {
    if (backendIds.length === 0) return 0;
    const base = this.#extents.allocate(backendIds.length);
    if (base === undefined) return undefined;
    for (let index = 0; index < backendIds.length; index++) {
      this.#records.write(base + index, backendIds[index] ?? 0, serviceId);
    }
    return base;
  }

  retire(base: number, length: number): void {
    if (length > 0) this.#quarantined.push({ base, length }, this.#clock.monotonicMs());
  }

  /** Takes over a predecessor's extent; false when it overlaps another one or lies outside the map. */
  adopt(base: number, length: number): boolean {
    return length === 0 || this.#extents.reserve(base, length);
  }

  reclaim(): void {
    const now = this.#clock.monotonicMs();
    for (const { base, length } of this.#quarantined.due(now)) this.#extents.release(base, length);
  }
}
