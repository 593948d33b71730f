import type { Random } from '@clustermesh/runtime';

import { Column } from './column.ts';
import { PrefixIndex, hostPrefix } from './prefix-index.ts';

/** One service, or several, each as often as clusters list the address for it. */
type Users = string | readonly string[] | undefined;

/**
 * Which services list an address as a backend of another cluster, and behind which node that address is: so that a
 * change of one address or one node costs its services, not all. Of addresses of backends only, not of all that are.
 */
export class BackendIndex {
  readonly #rows: PrefixIndex;
  readonly #users: Users[] = [];
  readonly #nodes = new Column(Uint32Array);

  constructor(random: Random) {
    this.#rows = new PrefixIndex(random);
  }

  get size(): number {
    return this.#rows.size;
  }

  has(address: Uint8Array): boolean {
    return this.#rows.size > 0 && this.#rows.find(address, hostPrefix) >= 0;
  }

  add(address: Uint8Array, service: string, nodeIndex: number): void {
    const row = this.#rows.insert(address, hostPrefix);
    const users = this.#users[row];
    this.#users[row] = users === undefined ? service : [...asList(users), service];
    this.#nodes.set(row, nodeIndex);
  }

  remove(address: Uint8Array, service: string): void {
    const row = this.#rows.find(address, hostPrefix);
    if (row < 0) return;
    const users = [...asList(this.#users[row])];
    const at = users.indexOf(service);
    if (at >= 0) users.splice(at, 1);
    this.#users[row] = users.length > 1 ? users : users[0];
    if (users.length > 0) return;
    this.#nodes.set(row, 0);
    this.#rows.remove(row);
  }

  /** The address is behind this node now, 0 = none. Its services. */
  moved(address: Uint8Array, nodeIndex: number): readonly string[] {
    const row = this.#rows.find(address, hostPrefix);
    if (row < 0) return [];
    this.#nodes.set(row, nodeIndex);
    return asList(this.#users[row]);
  }

  /** Services with a backend behind any of these nodes. */
  behind(nodeIndexes: ReadonlySet<number>): ReadonlySet<string> {
    const names = new Set<string>();
    for (let row = 0; row < this.#users.length; row++) {
      if (!nodeIndexes.has(this.#nodes.get(row))) continue;
      for (const name of asList(this.#users[row])) names.add(name);
    }
    return names;
  }
}

function asList(users: Users): readonly string[] {
  if (users === undefined) return [];
  return typeof users === 'string' ? [users] : users;
}
