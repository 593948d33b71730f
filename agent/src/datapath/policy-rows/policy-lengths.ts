import type { BpfMap } from '@clustermesh/ebpf';
import { anybody } from '@clustermesh/policy';

import { keyText } from '../../maps/address.ts';
import {
  decodePolicyHolder,
  encodePolicyHolder,
  encodePolicyLengths,
  policyDirection,
  policyLengthCount,
} from '../../maps/policy.ts';
import type { PolicyDirection, PolicyHolder, PolicyRowKey } from '../../maps/policy.ts';

/** How many rows of each length (0 to 24) a holder has. */
type LengthCounts = Uint32Array;
const directions = Object.keys(policyDirection) as readonly PolicyDirection[];

/**
 * Which lengths of rows each holder has. An entry for anybody stands for its subject: it is there, if only as 0, as long as
 * the subject's rows are complete.
 */
export class PolicyLengths {
  readonly #map: BpfMap;
  readonly #counts = new Map<string, LengthCounts>();
  readonly #ready = new Set<number>();
  /** Ready as a predecessor left them, and not told to be so since. */
  readonly #leftovers = new Set<number>();

  constructor(map: BpfMap) {
    this.#map = map;
  }

  /** A row that was found in the map; before `restore`. */
  restored(row: PolicyRowKey): void {
    this.#count(row, 1);
  }

  /** Entries say of subjects without rows that they are ready. */
  restore(): void {
    for (const [bytes] of this.#map.entries()) {
      const { subject, remote } = decodePolicyHolder(bytes);
      if (remote !== anybody) continue;
      this.#ready.add(subject);
      this.#leftovers.add(subject);
    }
  }

  get hasLeftovers(): boolean {
    return this.#leftovers.size > 0;
  }

  sweep(isSettled: (key: PolicyHolder) => boolean): void {
    for (const subject of this.#leftovers) {
      if (directions.every((direction) => isSettled({ subject, remote: anybody, direction }))) this.markGone(subject);
    }
  }

  /** The row is in the map. */
  add(row: PolicyRowKey): void {
    try {
      this.#write(row, this.#count(row, 1));
    } catch (error) {
      this.#count(row, -1);
      throw error;
    }
  }

  /** The row is still in the map. */
  remove(row: PolicyRowKey): void {
    this.#write(row, this.#count(row, -1));
  }

  markReady(subject: number): void {
    this.#leftovers.delete(subject);
    if (this.#ready.has(subject)) return;
    this.#ready.add(subject);
    try {
      for (const direction of directions) this.#rewrite({ subject, remote: anybody, direction });
    } catch (error) {
      this.#ready.delete(subject);
      throw error;
    }
  }

  markGone(subject: number): void {
    this.#leftovers.delete(subject);
    if (!this.#ready.delete(subject)) return;
    for (const direction of directions) this.#rewrite({ subject, remote: anybody, direction });
  }

  #rewrite(holder: PolicyHolder): void {
    this.#write(holder, this.#counts.get(keyText(encodePolicyHolder(holder))) ?? new Uint32Array(policyLengthCount));
  }

  #count(row: PolicyRowKey, change: 1 | -1): LengthCounts {
    const holder = keyText(encodePolicyHolder(row));
    const counts = this.#counts.get(holder) ?? new Uint32Array(policyLengthCount);
    counts[row.length] = (counts[row.length] ?? 0) + change;
    if (counts.some((count) => count > 0)) this.#counts.set(holder, counts);
    else this.#counts.delete(holder);
    return counts;
  }

  #write(holder: PolicyHolder, counts: LengthCounts): void {
    let lengths = 0;
    counts.forEach((count, length) => {
      if (count > 0) lengths |= 1 << length;
    });
    const key = encodePolicyHolder(holder);
    const stands = lengths !== 0 || (holder.remote === anybody && this.#ready.has(holder.subject));
    if (stands) this.#map.update(key, encodePolicyLengths(lengths));
    else this.#map.delete(key);
  }
}
