import type { BpfMap, MappedArray } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';

/** node: index → underlay address. Layout: datapath.md §3.2, shared with bpf/lib/node.h. Index 0 is "no node". */
export const nodeLayout = { size: 32, underlay: 0, clusterId: 16, state: 20, flags: 22 } as const;

export const nodeState = { free: 0, alive: 1 } as const;

/** node_ip: underlay address → node index. Layout shared with bpf/lib/node_ip.h. */
export const nodeIndexSize = 4;

/**
 * The nodes, seen through the mapping, and their index by underlay address. A record becomes valid by the last store,
 * that of its state; an address that leads to another record, or a free one, leads nowhere.
 */
export class NodeRecords {
  readonly capacity: number;
  readonly #byUnderlay: BpfMap;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words: Int32Array;

  constructor(array: MappedArray, byUnderlay: BpfMap) {
    this.capacity = array.maxEntries;
    this.#byUnderlay = byUnderlay;
    this.#bytes = array.bytes;
    this.#view = new DataView(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength);
    this.#words = new Int32Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 2);
  }

  write(index: number, underlay: Uint8Array, clusterId: number): void {
    const at = index * nodeLayout.size;
    this.#bytes.set(underlay, at + nodeLayout.underlay);
    this.#view.setUint32(at + nodeLayout.clusterId, clusterId, true);
    this.#publishState(index, nodeState.alive);
    this.#byUnderlay.update(underlay, encodeIndex(index));
  }

  free(index: number): void {
    this.#byUnderlay.delete(this.underlay(index));
    this.#publishState(index, nodeState.free);
  }

  isFree(index: number): boolean {
    return this.#view.getUint16(index * nodeLayout.size + nodeLayout.state, true) === nodeState.free;
  }

  /**
   * Makes the addresses lead to these records, and nowhere else: a predecessor may not have got that far. One step an
   * entry, and a write only where something is wrong.
   */
  *reindexing(indexOf: (underlay: Uint8Array) => number | undefined): Generator<void> {
    const right = new Set<number>();
    for (const [underlay, value] of this.#byUnderlay.entries()) {
      const index = indexOf(underlay);
      if (index === undefined) this.#byUnderlay.delete(underlay);
      else if (index === decodeIndex(value)) right.add(index);
      yield;
    }
    for (let index = 1; index < this.capacity; index++) {
      if (this.isFree(index) || right.has(index)) continue;
      const underlay = this.underlay(index);
      if (indexOf(underlay) === index) this.#byUnderlay.update(underlay, encodeIndex(index));
      yield;
    }
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

function encodeIndex(index: number): Uint8Array {
  const value = new Uint8Array(nodeIndexSize);
  new DataView(value.buffer).setUint32(0, index, true);
  return value;
}

function decodeIndex(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}
