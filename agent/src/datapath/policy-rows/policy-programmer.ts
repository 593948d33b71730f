import type { BpfMap } from '@clustermesh/ebpf';
import { describeError } from '@clustermesh/runtime';
import { anybody } from '@clustermesh/policy';
import type { RowChange } from '@clustermesh/policy';

import { keyText } from '../../maps/address.ts';
import { decodePolicyKey, decodePolicyRow, encodePolicyKey, encodePolicyRow } from '../../maps/policy.ts';
import type { PolicyHolder, PolicyRow, PolicyRowKey } from '../../maps/policy.ts';
import { PolicyLengths } from './policy-lengths.ts';
import { RefusedRows, isAround, masked } from './refused-rows.ts';
import type { KeyedRow } from './refused-rows.ts';
import { RowShares } from './row-shares.ts';
import type { RemoteClusterOf } from './row-shares.ts';

export interface PolicyMaps {
  readonly rows: BpfMap;
  readonly lengths: BpfMap;
}

/**
 * Verdict rows in the maps. A row is written before the bit that makes the program look for it, and the bit goes before
 * the row, so that a reader finds what held before or what holds now. In one batch rows that decide before others come
 * before them, and go after them: between any two writes a flow has the verdict of before or that of after (ADR 153).
 *
 * A row that there is no room for opens nothing: where it would deny, the row that decides in its stead denies too, for as
 * long as that lasts.
 */
export class PolicyProgrammer {
  readonly #rowMap: BpfMap;
  readonly #lengths: PolicyLengths;
  readonly #shares: RowShares;
  readonly #rows = new Map<string, KeyedRow>();
  /** Found in the map, and not told by the resolver of this process. */
  readonly #leftovers = new Set<string>();
  readonly #refused: RefusedRows;
  /** Rows that deny in the map, though they should allow: a deny inside them has no room. */
  readonly #closed = new Set<string>();
  #problem = '';

  constructor(maps: PolicyMaps, clusterOf: RemoteClusterOf = () => 0) {
    this.#rowMap = maps.rows;
    this.#lengths = new PolicyLengths(maps.lengths);
    this.#shares = new RowShares(maps.rows.maxEntries, clusterOf);
    this.#refused = new RefusedRows(new RowShares(maps.rows.maxEntries, clusterOf));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Rows that the maps did not take, for lack of room mostly. */
  get refused(): number {
    return this.#refused.size;
  }

  /** What could not be programmed, what holds instead, and why. */
  get problem(): string | undefined {
    if (this.#refused.size === 0 && !this.#refused.hasForgotten) return undefined;
    const closed = this.#closed.size === 0 ? '' : `, and ${this.#closed.size} others deny in their stead`;
    const more = this.#refused.hasForgotten ? ' and more, until the agent is restarted' : '';
    return `${this.#refused.size} rows of policies${more}${closed}: ${this.#problem}`;
  }

  /** Are there rows of a predecessor that nobody wanted so far? */
  get hasLeftovers(): boolean {
    return this.#leftovers.size > 0 || this.#lengths.hasLeftovers;
  }

  /** What a predecessor left stays in force until `sweep`. One step a row. */
  *restoring(): Generator<void> {
    for (const [bytes, value] of this.#rowMap.entries()) {
      const key = decodePolicyKey(bytes);
      const { deny, rule } = decodePolicyRow(value);
      this.#rows.set(keyText(bytes), { deny, rule, key });
      this.#leftovers.add(keyText(bytes));
      this.#lengths.restored(key);
      this.#shares.count(key.remote, 1);
      yield;
    }
    this.#lengths.restore();
  }

  /** One step a row; nothing else may be done before the last one. */
  *applying(changes: readonly RowChange[]): Generator<void> {
    const keyed = changes.map(({ row, ...about }) => ({ key: rowKey(about), row }));
    const decidingFirst = keyed.sort((left, right) => precedence(right.key) - precedence(left.key));
    for (const { key, row } of decidingFirst) {
      if (row === undefined) continue;
      this.#upsert(key, { deny: row.verdict === 'deny', rule: row.rule });
      yield;
    }
    for (const { key, row } of decidingFirst.reverse()) {
      if (row !== undefined) continue;
      this.#remove(encodePolicyKey(key));
      yield;
    }
    this.#settleRefused();
  }

  apply(changes: readonly RowChange[]): void {
    for (const _ of this.applying(changes));
  }

  /** All rows of the subject are written: what none of them speaks of is denied, not unknown. */
  markReady(subject: number): void {
    this.#lengths.markReady(subject);
  }

  /** Before its rows go. */
  markGone(subject: number): void {
    this.#lengths.markGone(subject);
  }

  /** Leftovers that somebody should have wanted by now are a predecessor's alone: they go. */
  sweep(isSettled: (key: PolicyHolder) => boolean): void {
    this.#lengths.sweep(isSettled);
    const keys = [...this.#leftovers].flatMap((text) => this.#rows.get(text)?.key ?? []).filter(isSettled);
    for (const key of keys.sort((left, right) => precedence(left) - precedence(right))) {
      this.#remove(encodePolicyKey(key));
    }
    this.#settleRefused();
  }

  /** Gives what there was no room for another chance, denies first, until there is no room again. */
  retryRefused(): void {
    for (const { key, ...row } of this.#refused.inOrder()) {
      if (this.#shares.hasRoom(key.remote) && !this.#upsert(key, row)) break;
    }
    this.#reclose();
  }

  /** False when the maps did not take it. */
  #upsert(key: PolicyRowKey, row: PolicyRow): boolean {
    const bytes = encodePolicyKey(key);
    const text = keyText(bytes);
    const before = this.#rows.get(text);
    this.#leftovers.delete(text);
    if (before?.deny === row.deny && before.rule === row.rule) return true;
    // Closed rather than open until `#reclose` knows better.
    const isClosed = !row.deny && this.#refused.hasDenyInside(key);
    const problem =
      before === undefined && !this.#shares.hasRoom(key.remote)
        ? 'another cluster has half of the map'
        : this.#write(key, isClosed ? { ...row, deny: true } : row, before === undefined);
    if (problem !== undefined) {
      this.#problem = problem;
      this.#remove(bytes);
      this.#refused.set(text, { ...row, key });
      if (row.deny) this.#closeAround(key);
      return false;
    }
    if (before === undefined) this.#shares.count(key.remote, 1);
    this.#refused.delete(text);
    this.#rows.set(text, { ...row, key });
    if (isClosed) this.#closed.add(text);
    else this.#closed.delete(text);
    return true;
  }

  /** Why the maps did not take it, if they did not. */
  #write(key: PolicyRowKey, row: PolicyRow, isNew: boolean): string | undefined {
    const bytes = encodePolicyKey(key);
    try {
      this.#rowMap.update(bytes, encodePolicyRow(row));
      if (isNew) this.#lengths.add(key);
      return undefined;
    } catch (error) {
      if (isNew) this.#rowMap.delete(bytes);
      return describeError(error);
    }
  }

  #remove(bytes: Uint8Array): void {
    const text = keyText(bytes);
    this.#refused.delete(text);
    this.#closed.delete(text);
    this.#leftovers.delete(text);
    const before = this.#rows.get(text);
    if (before === undefined) return;
    this.#lengths.remove(before.key);
    this.#rowMap.delete(bytes);
    this.#shares.count(before.key.remote, -1);
    this.#rows.delete(text);
  }

  /** Rows went: there may be room, and what was closed for others may be opened. */
  #settleRefused(): void {
    if (this.#refused.size > 0) this.retryRefused();
    else if (this.#closed.size > 0) this.#reclose();
  }

  #closeAround(refused: PolicyRowKey): void {
    for (const [text, row] of this.#deciders(refused, this.#rows)) {
      if (!row.deny && !this.#closed.has(text)) this.#close(text, row);
    }
  }

  /** Closed is what decides in the stead of denies that have no room, and nothing else. */
  #reclose(): void {
    const needed = new Set<string>();
    const rows = this.#refused.hasDenies ? bySubject(this.#rows) : new Map<number, Map<string, KeyedRow>>();
    for (const { key } of this.#refused.denies()) {
      for (const [text, { deny }] of this.#deciders(key, rows.get(key.subject) ?? [])) if (!deny) needed.add(text);
    }
    for (const text of needed) {
      const row = this.#rows.get(text);
      if (row !== undefined && !this.#closed.has(text)) this.#close(text, row);
    }
    for (const text of [...this.#closed]) if (!needed.has(text)) this.#open(text);
  }

  #close(text: string, { key, rule }: KeyedRow): void {
    this.#rowMap.update(encodePolicyKey(key), encodePolicyRow({ deny: true, rule }));
    this.#closed.add(text);
  }

  #open(text: string): void {
    this.#closed.delete(text);
    const row = this.#rows.get(text);
    if (row !== undefined) this.#rowMap.update(encodePolicyKey(row.key), encodePolicyRow(row));
  }

  /**
   * What the program finds where this row is missing: the longest around it, of the identity before that for anybody. Where
   * it would be for anybody, some identities have longer ones.
   *
   * @param candidates all rows of its subject, at least
   */
  #deciders(missing: PolicyRowKey, candidates: Iterable<readonly [string, KeyedRow]>): ReadonlyMap<string, KeyedRow> {
    const found = new Map(this.#decider(missing));
    if (missing.remote !== anybody) return found;
    const shortest = Math.max(0, ...[...found.values()].map(({ key }) => key.length));
    for (const [text, row] of candidates) {
      if (row.key.length >= shortest && row.key.remote !== anybody && isAround(row.key, missing)) found.set(text, row);
    }
    return found;
  }

  *#decider(missing: PolicyRowKey): Generator<readonly [string, KeyedRow]> {
    for (let length = missing.length; length >= 0; length--) {
      const bits = masked(missing.bits, length);
      for (const remote of new Set([missing.remote, anybody])) {
        const text = keyText(encodePolicyKey({ ...missing, remote, bits, length }));
        const row = this.#rows.get(text);
        if (row === undefined) continue;
        yield [text, row];
        return;
      }
    }
  }
}

function bySubject(rows: ReadonlyMap<string, KeyedRow>): ReadonlyMap<number, Map<string, KeyedRow>> {
  const groups = new Map<number, Map<string, KeyedRow>>();
  for (const [text, row] of rows) {
    const { subject } = row.key;
    const group = groups.get(subject) ?? new Map<string, KeyedRow>();
    groups.set(subject, group.set(text, row));
  }
  return groups;
}

function rowKey({ subject, remote, direction, region }: Omit<RowChange, 'row'>): PolicyRowKey {
  return { subject, remote, direction, ...region };
}

/** Of two rows about the same packet, which one decides: the longer, and of equal ones that of the identity. */
function precedence({ length, remote }: PolicyRowKey): number {
  return 2 * length + (remote === anybody ? 0 : 1);
}
