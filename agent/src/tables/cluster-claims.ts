import { isIpv4, worldIpv4Identity, worldIpv6Identity } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import type { IpcacheClaim } from './ipcache-claims.ts';
import type { IpcacheTable } from './ipcache-table.ts';

export interface ClusterClaimsOptions {
  readonly ipcache: Pick<IpcacheTable, 'claimOf' | 'upsert' | 'remove'>;
  readonly nodeIndexes: { release(index: number): void };
}

/** A range of a node; `isCovered`: an entry says more of the very same prefix. */
interface Range {
  readonly claim: IpcacheClaim;
  isCovered: boolean;
}

/**
 * What another cluster says of a prefix by an entry, and by a node's range, which may be one address (pools of /32). It has
 * one claim in the table: the entry while there is one, else the range. Holds one reference to the node index of each.
 */
export class ClusterClaims {
  readonly #options: ClusterClaimsOptions;
  /** Ranges that are reached by a node, by their length: few lengths are in use, and of addresses hardly ever. */
  readonly #rangesByBits = new Map<number, Map<string, Range>>();

  constructor(options: ClusterClaimsOptions) {
    this.#options = options;
  }

  setEntry(prefix: Prefix, claim: IpcacheClaim): void {
    const before = this.#put(prefix, claim);
    const range = this.#range(prefix, claim.clusterId);
    if (range?.isCovered === false) range.isCovered = true;
    else this.#release(before);
  }

  removeEntry(prefix: Prefix, clusterId: number): void {
    const range = this.#range(prefix, clusterId);
    if (range === undefined) this.#release(this.#options.ipcache.remove(prefix.address, prefix.bits, clusterId));
    else if (range.isCovered) {
      range.isCovered = false;
      this.#release(this.#put(prefix, range.claim));
    }
  }

  /** Of an address there of which the cluster tells nothing we know at least the node; index 0: not even that. */
  setRange(prefix: Prefix, clusterId: number, nodeIndex: number): void {
    const { ipcache } = this.#options;
    const known = this.#range(prefix, clusterId);
    const isCovered = known?.isCovered ?? ipcache.claimOf(prefix.address, prefix.bits, clusterId) !== undefined;
    const claim = { clusterId, identity: worldOf(prefix), nodeIndex };
    this.#setRange(prefix, clusterId, nodeIndex === 0 ? undefined : { claim, isCovered });
    if (!isCovered && nodeIndex === 0) ipcache.remove(prefix.address, prefix.bits, clusterId);
    else if (!isCovered) this.#put(prefix, claim);
    this.#release(known?.claim);
  }

  #range(prefix: Prefix, clusterId: number): Range | undefined {
    return this.#rangesByBits.get(prefix.bits)?.get(keyOf(prefix, clusterId));
  }

  #setRange(prefix: Prefix, clusterId: number, range: Range | undefined): void {
    const ranges = this.#rangesByBits.get(prefix.bits) ?? new Map<string, Range>();
    if (range === undefined) ranges.delete(keyOf(prefix, clusterId));
    else ranges.set(keyOf(prefix, clusterId), range);
    if (ranges.size === 0) this.#rangesByBits.delete(prefix.bits);
    else this.#rangesByBits.set(prefix.bits, ranges);
  }

  #put({ address, bits }: Prefix, claim: IpcacheClaim): IpcacheClaim | undefined {
    return this.#options.ipcache.upsert(address, bits, claim);
  }

  #release(claim: IpcacheClaim | undefined): void {
    this.#options.nodeIndexes.release(claim?.nodeIndex ?? 0);
  }
}

function keyOf({ address }: Prefix, clusterId: number): string {
  return `${clusterId}/${keyText(address)}`;
}

/** By family: a policy about all of IPv6 does not mean those of IPv4. */
function worldOf({ address }: Prefix): number {
  return isIpv4(address) ? worldIpv4Identity : worldIpv6Identity;
}
