import type { BpfMap } from '@clustermesh/ebpf';
import { describeError } from '@clustermesh/runtime';

import {
  decodeHostKey,
  encodeCidrKey,
  encodeHostKey,
  encodeIpcacheValue,
  hostKeyLayout,
  ipcacheValueLayout,
} from '../../maps/ipcache.ts';
import type { IpcacheTable } from '../../tables/ipcache-table.ts';
import { hostPrefix } from '../../tables/prefix-index.ts';
import type { NodeIndexes } from './node-indexes.ts';

export interface IpcacheMaps {
  readonly hosts: BpfMap;
  readonly cidrs: BpfMap;
}

/** Rows a batch: large enough for the kernel's batch gain, small enough to stay far below 50 ms. */
export const ipcacheBatch = 1_024;

/**
 * Brings the ipcache maps to what the table wants. New and changed entries go in before the services that use them,
 * ended ones go out after: the caller runs `applyUpserts`, then the services, then `applyRemovals`, each until it is done.
 */
export class IpcacheProgrammer {
  readonly #table: IpcacheTable;
  readonly #maps: IpcacheMaps;
  readonly #nodes: NodeIndexes;
  readonly #onHostRemoved: (address: Uint8Array) => void;
  readonly #keys = new Uint8Array(ipcacheBatch * hostKeyLayout.size);
  readonly #values = new Uint8Array(ipcacheBatch * ipcacheValueLayout.size);
  readonly #removals: number[] = [];
  readonly #refused = new Set<number>();
  #problem = '';

  constructor(options: {
    readonly table: IpcacheTable;
    readonly maps: IpcacheMaps;
    readonly nodes: NodeIndexes;
    /** An address (not a prefix) has left the map. */
    readonly onHostRemoved?: (address: Uint8Array) => void;
  }) {
    this.#table = options.table;
    this.#maps = options.maps;
    this.#nodes = options.nodes;
    this.#onHostRemoved = options.onHostRemoved ?? (() => undefined);
  }

  /** Entries in the maps. */
  get programmed(): number {
    return this.#table.programmedCount;
  }

  /** Entries that the maps did not take; tried again by `retryRefused`. */
  get refused(): number {
    return this.#refused.size;
  }

  /** What could not be programmed, and why. */
  get problem(): string | undefined {
    return this.#refused.size === 0 ? undefined : `${this.#refused.size} addresses: ${this.#problem}`;
  }

  /** One batch of new and changed entries; false when there is nothing left to do. */
  applyUpserts(): boolean {
    const rows = this.#table.takeChanges(ipcacheBatch);
    const hosts: number[] = [];
    for (const row of rows) {
      const target = this.#table.target(row);
      if (target === undefined) {
        this.#removals.push(row);
      } else if (!this.#isProgrammed(row)) {
        if (this.#table.prefixLength(row) === hostPrefix) hosts.push(row);
        else this.#programCidr(row);
      }
    }
    this.#programHosts(hosts);
    return rows.length > 0;
  }

  /** Takes out some of what `applyUpserts` found to have ended, unless it came back; false when that was all. */
  applyRemovals(): boolean {
    for (const row of this.#removals.splice(-ipcacheBatch)) {
      if (this.#table.target(row) !== undefined) continue;
      if (this.#table.programmed(row) === undefined) this.#settle(row);
      else this.#attempt(row, () => this.#delete(row));
    }
    return this.#removals.length > 0;
  }

  /** Gives what the maps refused another chance. */
  retryRefused(): void {
    const rows = [...this.#refused];
    this.#refused.clear();
    for (const row of rows) this.#table.retry(row);
  }

  #isProgrammed(row: number): boolean {
    const target = this.#table.target(row);
    const programmed = this.#table.programmed(row);
    return target?.identity === programmed?.identity && target?.nodeIndex === programmed?.nodeIndex;
  }

  #programHosts(rows: readonly number[]): void {
    if (rows.length === 0) return;
    for (const [index, row] of rows.entries()) {
      this.#encodeHost(row, index);
    }
    try {
      this.#maps.hosts.updateBatch(
        this.#keys.subarray(0, rows.length * hostKeyLayout.size),
        this.#values.subarray(0, rows.length * ipcacheValueLayout.size),
        rows.length,
      );
      for (const row of rows) this.#settle(row);
    } catch {
      // A batch ends anywhere, and does not say where: once more, one by one.
      for (const row of rows) this.#programHost(row);
    }
  }

  #programHost(row: number): void {
    this.#encodeHost(row, 0);
    this.#attempt(row, () => {
      const key = this.#keys.slice(0, hostKeyLayout.size);
      this.#maps.hosts.update(key, this.#values.slice(0, ipcacheValueLayout.size));
    });
  }

  #programCidr(row: number): void {
    this.#attempt(row, () => {
      const value = new Uint8Array(ipcacheValueLayout.size);
      encodeIpcacheValue({ ...this.#wanted(row), flags: 0 }, value);
      this.#maps.cidrs.update(this.#cidrKey(row), value);
    });
  }

  #delete(row: number): void {
    if (this.#table.prefixLength(row) !== hostPrefix) {
      this.#maps.cidrs.delete(this.#cidrKey(row));
      return;
    }
    const key = this.#hostKey(row);
    this.#maps.hosts.delete(key);
    this.#onHostRemoved(decodeHostKey(key));
  }

  #attempt(row: number, write: () => void): void {
    try {
      write();
      this.#settle(row);
    } catch (error) {
      this.#problem = describeError(error);
      this.#refused.add(row);
    }
  }

  /** The map now holds the row's target: references to nodes follow. */
  #settle(row: number): void {
    this.#refused.delete(row);
    const before = this.#table.programmed(row);
    const target = this.#table.target(row);
    this.#nodes.retain(target?.nodeIndex ?? 0);
    this.#table.settled(row, target);
    this.#nodes.release(before?.nodeIndex ?? 0);
  }

  #encodeHost(row: number, index: number): void {
    const key = this.#keys.subarray(index * hostKeyLayout.size, (index + 1) * hostKeyLayout.size);
    const address = new Uint8Array(16);
    this.#table.copyAddress(row, address);
    encodeHostKey(address, key);
    encodeIpcacheValue({ ...this.#wanted(row), flags: 0 }, this.#values, index * ipcacheValueLayout.size);
  }

  #hostKey(row: number): Uint8Array {
    const key = new Uint8Array(hostKeyLayout.size);
    const address = new Uint8Array(16);
    this.#table.copyAddress(row, address);
    encodeHostKey(address, key);
    return key;
  }

  #cidrKey(row: number): Uint8Array {
    const address = new Uint8Array(16);
    this.#table.copyAddress(row, address);
    return encodeCidrKey(address, this.#table.prefixLength(row));
  }

  #wanted(row: number): { readonly identity: number; readonly nodeIndex: number } {
    return this.#table.target(row) ?? { identity: 0, nodeIndex: 0 };
  }
}
