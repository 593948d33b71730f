import type { MappedArray } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';

/** node: index → underlay address. Layout: datapath.md §3.2, shared with bpf/lib/node.h. Index 0 is "no node". */
export const nodeLayout = { size: 32, underlay: 0, clusterId: 16, state: 20, flags: 22 } as const;

export const nodeState = { free: 0, alive: 1 } as const;

/** The nodes, seen through the mapping. A record becomes valid by the last store, that of its state. */
export class NodeRecords {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words: Int32Array;

  constructor(array: MappedArray) {
    this.capacity = array.maxEntries;
    this.#bytes = array.bytes;
    this.#view = new DataView(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength);
    this.#words = new Int32Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 2);
  }

  write(index: number, underlay: Uint8Array, clusterId: number): void {
    const at = index * nodeLayout.size;
    this.#bytes.set(underlay, at + nodeLayout.underlay);
    this.#view.setUint32(at + nodeLayout.clusterId, clusterId, true);
    this.#publishState(index, nodeState.alive);
  }

  free(index: number): void {
    this.#publishState(index, nodeState.free);
  }

  isFree(index: number): boolean {
    return this.#view.getUint16(index * nodeLayout.size + nodeLayout.state, true) === nodeState.free;
  }

  underlay(index: number): Uint8Array {
    const at = index * nodeLayout.size + nodeLayout.underlay;
    return this.#bytes.slice(at, at + addressSize);
  }

  clusterId(index: number): number {
    return this.#view.getUint32(index * nodeLayout.size + nodeLayout.clusterId, true);
  }

  /** State and flags share a word; no flag is defined yet. */
  #publishState(index: number, state: number): void {
    Atomics.store(this.#words, (index * nodeLayout.size + nodeLayout.state) >> 2, state);
  }
}
