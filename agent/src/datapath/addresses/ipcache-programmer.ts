import type { BpfMap } from '@clustermesh/ebpf';
import { describeError } from '@clustermesh/runtime';

import {
  decodeHostKey,
  encodeCidrKey,
  encodeIpcacheValue,
  finishHostKey,
  hostKeyLayout,
  ipcacheValueLayout,
} from '../../maps/ipcache.ts';
import type { IpcacheTable } from '../../tables/ipcache-table.ts';
import { hostPrefix } from '../../tables/prefix-index.ts';
import { RowList } from '../../tables/row-list.ts';
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
  readonly #removals = new RowList();
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
      if (!this.#table.isWanted(row)) this.#removals.push(row);
      else if (this.#table.isProgrammedAsWanted(row)) continue;
      else if (this.#table.prefixLength(row) === hostPrefix) hosts.push(row);
      else this.#programCidr(row);
    }
    this.#programHosts(hosts);
    return rows.length > 0;
  }

  /** Takes out some of what `applyUpserts` found to have ended, unless it came back; false when that was all. */
  applyRemovals(): boolean {
    for (const row of this.#removals.take(ipcacheBatch)) {
      if (this.#table.isWanted(row)) continue;
      if (this.#table.isProgrammed(row)) this.#attempt(row, () => this.#delete(row));
      else this.#settle(row);
    }
    return this.#removals.length > 0;
  }

  /** Gives what the maps refused another chance. */
  retryRefused(): void {
    const rows = [...this.#refused];
    this.#refused.clear();
    for (const row of rows) this.#table.retry(row);
  }

  #programHosts(rows: readonly number[]): void {
    if (rows.length === 0) return;
    let index = 0;
    for (const row of rows) this.#encodeHost(row, index++);
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
      this.#encodeValue(row, value, 0);
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

  /** The map now holds what is wanted of the row: references to nodes follow. */
  #settle(row: number): void {
    this.#refused.delete(row);
    const before = this.#table.programmedNode(row);
    this.#nodes.retain(this.#table.isWanted(row) ? this.#table.wantedNode(row) : 0);
    this.#table.settled(row);
    this.#nodes.release(before);
  }

  #encodeHost(row: number, index: number): void {
    const at = index * hostKeyLayout.size;
    this.#table.copyAddress(row, this.#keys, at + hostKeyLayout.address);
    finishHostKey(this.#keys, at);
    this.#encodeValue(row, this.#values, index * ipcacheValueLayout.size);
  }

  #encodeValue(row: number, target: Uint8Array, offset: number): void {
    const identity = this.#table.wantedIdentity(row);
    const nodeIndex = this.#table.wantedNode(row);
    encodeIpcacheValue({ identity, nodeIndex, flags: 0 }, target, offset);
  }

  #hostKey(row: number): Uint8Array {
    this.#encodeHost(row, 0);
    return this.#keys.slice(0, hostKeyLayout.size);
  }

  #cidrKey(row: number): Uint8Array {
    const address = new Uint8Array(16);
    this.#table.copyAddress(row, address);
    return encodeCidrKey(address, this.#table.prefixLength(row));
  }
}
