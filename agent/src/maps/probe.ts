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

/** What is known of the way to a node and back. */
export type Verdict = 'unknown' | 'reachable' | 'unreachable';

/** By their number in the map: a new record has none. */
const verdicts: readonly Verdict[] = ['unknown', 'reachable', 'unreachable'];

/** The last probe of each node, and what came back, seen through the mapping: reading is no system call. */
export class ProbeRecords {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #longs: BigUint64Array;

  constructor(array: MappedArray) {
    this.capacity = array.maxEntries;
    this.#bytes = array.bytes;
    this.#view = new DataView(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength);
    this.#longs = new BigUint64Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 3);
  }

  /** Makes the record one of this node: another node's is emptied. */
  assign(index: number, underlay: Uint8Array): void {
    const at = index * probeLayout.size;
    if (this.isAbout(index, underlay)) return;
    this.#bytes.fill(0, at, at + probeLayout.reflectedNs);
    this.setVerdict(index, 'unknown');
    this.#bytes.set(underlay, at + probeLayout.underlay);
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

  /** What the agent made of it; kept here so that its successor knows (I7). */
  verdict(index: number): Verdict {
    const number = this.#view.getUint32(index * probeLayout.size + probeLayout.verdict, true);
    return verdicts[number] ?? 'unknown';
  }

  setVerdict(index: number, verdict: Verdict): void {
    const number = verdicts.indexOf(verdict);
    this.#view.setUint32(index * probeLayout.size + probeLayout.verdict, number, true);
  }

  /** Is that the verdict on this very node, not on one that had the number before? */
  isUnreachable(index: number, underlay: Uint8Array): boolean {
    return this.isAbout(index, underlay) && this.verdict(index) === 'unreachable';
  }

  /** Is the record one of this node? */
  isAbout(index: number, underlay: Uint8Array): boolean {
    return Buffer.compare(this.underlay(index), underlay) === 0;
  }

  /** Whose record it is. A view, for now. */
  underlay(index: number): Uint8Array {
    const at = index * probeLayout.size + probeLayout.underlay;
    return this.#bytes.subarray(at, at + addressSize);
  }

  #load(index: number, field: number): bigint {
    return Atomics.load(this.#longs, (index * probeLayout.size + field) >> 3);
  }

  #store(index: number, field: number, value: bigint): void {
    Atomics.store(this.#longs, (index * probeLayout.size + field) >> 3, value);
  }
}
