import type { MappedArray } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';

/** probe: node index → the probe of that node that is under way. Layout shared with bpf/lib/probe.h. */
export const probeLayout = {
  size: 64,
  underlay: 0,
  token: 16,
  sentNs: 24,
  answeredToken: 32,
  answeredNs: 40,
  reflectedNs: 48,
  verdict: 56,
} as const;

/** The last probe of each node, and what came back, seen through the mapping: reading is no system call. */
export class ProbeRecords {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #longs: BigUint64Array;

  constructor(array: MappedArray) {
    this.#bytes = array.bytes;
    this.#view = new DataView(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength);
    this.#longs = new BigUint64Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 3);
  }

  /** Makes the record one of this node; true when it was another node's, or nobody's, and starts empty. */
  assign(index: number, underlay: Uint8Array): boolean {
    const at = index * probeLayout.size;
    if (Buffer.compare(this.#bytes.subarray(at, at + addressSize), underlay) === 0) return false;
    this.#bytes.fill(0, at, at + probeLayout.reflectedNs);
    this.setVerdict(index, 0);
    this.#bytes.set(underlay, at + probeLayout.underlay);
    return true;
  }

  /** A request is about to leave: from now on the program takes the answer with this token. */
  asked(index: number, token: bigint, sentNs: bigint): void {
    this.#store(index, probeLayout.sentNs, sentNs);
    this.#store(index, probeLayout.token, token);
  }

  /** How long the answer with this token took; `undefined` while it has not come. */
  answeredAfterNs(index: number, token: bigint): bigint | undefined {
    if (this.#load(index, probeLayout.answeredToken) !== token) return undefined;
    return this.#load(index, probeLayout.answeredNs) - this.#load(index, probeLayout.sentNs);
  }

  /** What the agent made of it; kept here so that its successor knows (I7). 0 in a new record. */
  verdict(index: number): number {
    return this.#view.getUint32(index * probeLayout.size + probeLayout.verdict, true);
  }

  setVerdict(index: number, verdict: number): void {
    this.#view.setUint32(index * probeLayout.size + probeLayout.verdict, verdict, true);
  }

  #load(index: number, field: number): bigint {
    return Atomics.load(this.#longs, (index * probeLayout.size + field) >> 3);
  }

  #store(index: number, field: number, value: bigint): void {
    Atomics.store(this.#longs, (index * probeLayout.size + field) >> 3, value);
  }
}
