import type { Random } from '@clustermesh/runtime';
import type { NamedPort, Prefix } from '@clustermesh/wire';

import { Column } from './column.ts';
import { PrefixIndex } from './prefix-index.ts';

/** Pods have a few named ports; another cluster shall not fill our memory or policy rows with more (I1). */
const maxOfEntry = 64;
const maxOfIdentity = 256;
/** Kubernetes allows 15. */
const longestName = 63;

interface Used {
  readonly port: NamedPort;
  sets: number;
}

/** What entries tell that tell the same: pods of one workload do. */
interface PortSet {
  readonly key: string;
  readonly identity: number;
  readonly ports: ReadonlyMap<string, NamedPort>;
  entries: number;
}

/** Of one cluster: the number of the set of each entry that tells of ports. */
class Entries {
  readonly #index: PrefixIndex;
  readonly #sets = new Column(Uint32Array);

  constructor(random: Random) {
    this.#index = new PrefixIndex(random);
  }

  get({ address, bits }: Prefix): number {
    const row = this.#index.find(address, bits);
    return row < 0 ? none : this.#sets.get(row);
  }

  set({ address, bits }: Prefix, set: number): void {
    if (set !== none) this.#sets.set(this.#index.insert(address, bits), set);
    else this.#index.remove(this.#index.find(address, bits));
  }
}

const none = 0;

/**
 * Which named ports entries tell of the pods behind them, by identity: policies of egress speak of ports by name
 * (protocol.md §8.7). Clusters in kvstore mode tell them, of every pod; others do not.
 */
export class EntryPorts {
  readonly #random: Random;
  readonly #entriesByCluster = new Map<number, Entries>();
  readonly #sets: (PortSet | undefined)[] = [undefined];
  readonly #setByKey = new Map<string, number>();
  readonly #unused: number[] = [];
  readonly #used = new Map<number, Map<string, Used>>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Of all pods that have the identity. */
  of(identity: number): readonly NamedPort[] {
    return [...(this.#used.get(identity)?.values() ?? [])].map(({ port }) => port);
  }

  /** Identities that have other ports now. */
  set(clusterId: number, entry: Prefix, identity: number, ports: readonly NamedPort[]): ReadonlySet<number> {
    const known = this.#entriesByCluster.get(clusterId);
    if (known === undefined && ports.length === 0) return nobody;
    const entries = known ?? new Entries(this.#random);
    this.#entriesByCluster.set(clusterId, entries);
    const before = entries.get(entry);
    const after = this.#setOf(identity, byText(ports));
    if (before === after) return nobody;
    const changed = new Set<number>();
    // The new ones first: what stays is there all the while.
    this.#retain(after, changed);
    entries.set(entry, after);
    this.#release(before, changed);
    return changed;
  }

  delete(clusterId: number, entry: Prefix): ReadonlySet<number> {
    return this.set(clusterId, entry, 0, []);
  }

  #setOf(identity: number, ports: ReadonlyMap<string, NamedPort>): number {
    if (ports.size === 0) return none;
    const key = `${identity} ${[...ports.keys()].join(' ')}`;
    const known = this.#setByKey.get(key);
    if (known !== undefined) return known;
    const set = this.#unused.pop() ?? this.#sets.length;
    this.#sets[set] = { key, identity, ports, entries: 0 };
    this.#setByKey.set(key, set);
    return set;
  }

  #retain(number: number, changed: Set<number>): void {
    const set = this.#sets[number];
    if (set === undefined || set.entries++ > 0) return;
    for (const [text, port] of set.ports) if (this.#use(set.identity, text, port)) changed.add(set.identity);
  }

  #release(number: number, changed: Set<number>): void {
    const set = this.#sets[number];
    if (set === undefined || --set.entries > 0) return;
    for (const text of set.ports.keys()) if (this.#giveBack(set.identity, text)) changed.add(set.identity);
    this.#setByKey.delete(set.key);
    this.#sets[number] = undefined;
    this.#unused.push(number);
  }

  #use(identity: number, text: string, port: NamedPort): boolean {
    const used = this.#used.get(identity) ?? new Map<string, Used>();
    this.#used.set(identity, used);
    const known = used.get(text);
    if (known !== undefined) known.sets++;
    else if (used.size < maxOfIdentity) used.set(text, { port, sets: 1 });
    return known === undefined;
  }

  #giveBack(identity: number, text: string): boolean {
    const used = this.#used.get(identity);
    const known = used?.get(text);
    if (used === undefined || known === undefined || --known.sets > 0) return false;
    used.delete(text);
    if (used.size === 0) this.#used.delete(identity);
    return true;
  }
}

const noPorts: ReadonlyMap<string, NamedPort> = new Map();
const nobody: ReadonlySet<number> = new Set();

function byText(ports: readonly NamedPort[]): ReadonlyMap<string, NamedPort> {
  if (ports.length === 0) return noPorts;
  const named = ports.slice(0, maxOfEntry).filter(({ name }) => name !== '' && name.length <= longestName);
  return new Map(named.map((port) => [`${port.protocol}/${port.name}/${port.port}`, port]));
}
