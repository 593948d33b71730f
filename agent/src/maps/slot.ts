import type { MappedArray } from '@clustermesh/ebpf';

/** slot: one place in a service's extent. Layout: datapath.md §3.2, shared with bpf/lib/service.h. */
export const slotLayout = { size: 8, backend: 0, serviceId: 4 } as const;

export interface SlotRecord {
  readonly backendId: number;
  readonly serviceId: number;
}

/** The slots, seen through the mapping: a write is a store. */
export class SlotRecords {
  readonly capacity: number;
  readonly #words: Uint32Array;

  constructor(array: MappedArray) {
    this.capacity = array.maxEntries;
    this.#words = new Uint32Array(array.bytes.buffer, array.bytes.byteOffset, array.maxEntries * 2);
  }

  write(slot: number, backendId: number, serviceId: number): void {
    this.#words[slot * 2] = backendId;
    this.#words[slot * 2 + 1] = serviceId;
  }

  backendId(slot: number): number {
    return this.#words[slot * 2] ?? 0;
  }

  read(slot: number): SlotRecord {
    return { backendId: this.backendId(slot), serviceId: this.#words[slot * 2 + 1] ?? 0 };
  }
}
