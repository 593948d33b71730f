import type { Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { hostPrefix } from './prefix-index.ts';

/** Of the map of networks, for the pod CIDRs of one cluster's nodes: what they need are two each. */
const podCidrShare = 1 / 2;
/** For the networks among one cluster's addresses, which are few. */
const addressShare = 1 / 8;

/** How much of the map of networks another cluster may take, so that it never takes all (I1). */
export class NetworkShares {
  readonly #capacity: number;
  /** Networks among the addresses, by cluster. */
  readonly #networks = new Map<number, Set<string>>();

  /** `capacity`: of the map. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** May the cluster's nodes claim so many ranges? */
  allowsRanges(count: number): boolean {
    return count <= this.#capacity * podCidrShare;
  }

  /** May a new network come among the cluster's addresses? */
  hasRoom(clusterId: number): boolean {
    return (this.#networks.get(clusterId)?.size ?? 0) < this.#capacity * addressShare;
  }

  /** False when there is no room for it. A single address is no network. */
  take(clusterId: number, prefix: Prefix): boolean {
    if (prefix.bits === hostPrefix) return true;
    const networks = this.#networks.get(clusterId) ?? new Set<string>();
    const text = textOf(prefix);
    if (!networks.has(text) && !this.hasRoom(clusterId)) return false;
    this.#networks.set(clusterId, networks.add(text));
    return true;
  }

  giveBack(clusterId: number, prefix: Prefix): void {
    if (prefix.bits === hostPrefix) return;
    const networks = this.#networks.get(clusterId);
    networks?.delete(textOf(prefix));
    if (networks?.size === 0) this.#networks.delete(clusterId);
  }
}

function textOf({ address, bits }: Prefix): string {
  return `${keyText(address)}/${bits}`;
}
