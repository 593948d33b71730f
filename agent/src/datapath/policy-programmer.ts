import type { BpfMap } from '@clustermesh/ebpf';
import { hasCode } from '@clustermesh/runtime';
import { anybody } from '@clustermesh/policy';
import type { RowChange } from '@clustermesh/policy';

import { keyText } from '../maps/address.ts';
import {
  decodePolicyKey,
  decodePolicyRow,
  encodePolicyHolder,
  encodePolicyKey,
  encodePolicyLengths,
  encodePolicyRow,
} from '../maps/policy.ts';
import type { PolicyHolder, PolicyRow, PolicyRowKey } from '../maps/policy.ts';

export interface PolicyMaps {
  readonly rows: BpfMap;
  readonly lengths: BpfMap;
}

interface Written extends PolicyRow {
  readonly key: PolicyRowKey;
  /** Told by the resolver of this process, not only found in the map. */
  isWanted: boolean;
}

/** How many rows of each length (0 to 24) a holder has. */
type LengthCounts = Uint32Array;
const lengthCount = 25;

/**
 * Verdict rows in the maps. A row is written before the bit that makes the program look for it, and the bit goes before
 * the row, so that a reader finds what held before or what holds now. In one batch what is allowed comes first and what
 * is allowed no more goes last: a flow that stays allowed is never caught in between.
 */
export class PolicyProgrammer {
  readonly #maps: PolicyMaps;
  readonly #rows = new Map<string, Written>();
  readonly #counts = new Map<string, LengthCounts>();
  #refused = 0;

  constructor(maps: PolicyMaps) {
    this.#maps = maps;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Rows that there is no room for: what they would allow is dropped, what they would deny may be allowed. */
  get refused(): number {
    return this.#refused;
  }

  /** What a predecessor left stays in force until `sweep`. */
  restore(): void {
    for (const [bytes, value] of this.#maps.rows.entries()) {
      const key = decodePolicyKey(bytes);
      this.#rows.set(keyText(bytes), { ...decodePolicyRow(value), key, isWanted: false });
      this.#count(key, 1);
    }
  }

  apply(changes: readonly RowChange[]): void {
    const upserts = changes.flatMap((change) => (change.row === undefined ? [] : [{ ...change, row: change.row }]));
    for (const { row, ...change } of upserts.toSorted(byUrgency)) {
      this.#upsert(rowKey(change), { deny: row.verdict === 'deny', rule: row.rule });
    }
    for (const change of changes) if (change.row === undefined) this.#remove(encodePolicyKey(rowKey(change)));
  }

  /** Everything that should be there has been applied: the rest is a predecessor's. */
  sweep(): void {
    for (const { key, isWanted } of [...this.#rows.values()]) if (!isWanted) this.#remove(encodePolicyKey(key));
  }

  #upsert(key: PolicyRowKey, row: PolicyRow): void {
    const bytes = encodePolicyKey(key);
    const before = this.#rows.get(keyText(bytes));
    if (before?.deny === row.deny && before.rule === row.rule) {
      before.isWanted = true;
      return;
    }
    try {
      this.#maps.rows.update(bytes, encodePolicyRow(row));
    } catch (error) {
      if (!hasCode(error, 'BPF_MAP_FULL')) throw error;
      this.#refused += 1;
      return;
    }
    this.#rows.set(keyText(bytes), { ...row, key, isWanted: true });
    if (before === undefined) this.#writeLengths(key, this.#count(key, 1));
  }

  #remove(bytes: Uint8Array): void {
    const before = this.#rows.get(keyText(bytes));
    if (before === undefined) return;
    this.#writeLengths(before.key, this.#count(before.key, -1));
    this.#maps.rows.delete(bytes);
    this.#rows.delete(keyText(bytes));
  }

  #count(key: PolicyRowKey, change: 1 | -1): LengthCounts {
    const holder = keyText(encodePolicyHolder(key));
    const counts = this.#counts.get(holder) ?? new Uint32Array(lengthCount);
    counts[key.length] = (counts[key.length] ?? 0) + change;
    if (counts.some((count) => count > 0)) this.#counts.set(holder, counts);
    else this.#counts.delete(holder);
    return counts;
  }

  #writeLengths(holder: PolicyHolder, counts: LengthCounts): void {
    let lengths = 0;
    counts.forEach((count, length) => {
      if (count > 0) lengths |= 1 << length;
    });
    const key = encodePolicyHolder(holder);
    if (lengths === 0) this.#maps.lengths.delete(key);
    else this.#maps.lengths.update(key, encodePolicyLengths(lengths));
  }
}

function rowKey({ subject, remote, direction, region }: Omit<RowChange, 'row'>): PolicyRowKey {
  return { subject, remote, direction, ...region };
}

type Upsert = RowChange & { readonly row: NonNullable<RowChange['row']> };

/** Allows before denies; of one identity before those for anybody. */
function byUrgency(left: Upsert, right: Upsert): number {
  const rank = ({ row, remote }: Upsert): number => (row.verdict === 'deny' ? 2 : 0) + (remote === anybody ? 1 : 0);
  return rank(left) - rank(right);
}
