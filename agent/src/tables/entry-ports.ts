import type { NamedPort } from '@clustermesh/wire';

/** Pods have a few named ports; another cluster shall not fill our memory or policy rows with more (I1). */
const maxOfEntry = 64;
const maxOfIdentity = 256;
/** Kubernetes allows 15. */
const longestName = 63;

interface Used {
  readonly port: NamedPort;
  entries: number;
}

interface Entry {
  readonly identity: number;
  readonly ports: ReadonlyMap<string, NamedPort>;
}

/**
 * Which named ports entries tell of the pods behind them, by identity: policies of egress speak of ports by name
 * (protocol.md §8.7). Clusters in kvstore mode tell them, others do not.
 */
export class EntryPorts {
  readonly #entries = new Map<string, Entry>();
  readonly #used = new Map<number, Map<string, Used>>();

  /** Of all pods that have the identity. */
  of(identity: number): readonly NamedPort[] {
    return [...(this.#used.get(identity)?.values() ?? [])].map(({ port }) => port);
  }

  /** Identities that have other ports now. */
  set(entry: string, identity: number, ports: readonly NamedPort[]): ReadonlySet<number> {
    const before = this.#entries.get(entry);
    if (before === undefined && ports.length === 0) return nobody;
    const after = { identity, ports: byText(ports) };
    if (after.ports.size === 0) this.#entries.delete(entry);
    else this.#entries.set(entry, after);
    const changed = new Set<number>();
    // The new ones first: what stays is there all the while.
    for (const [text, port] of after.ports) if (this.#use(identity, text, port)) changed.add(identity);
    if (before === undefined) return changed;
    for (const text of before.ports.keys()) if (this.#release(before.identity, text)) changed.add(before.identity);
    return changed;
  }

  delete(entry: string): ReadonlySet<number> {
    return this.set(entry, 0, []);
  }

  #use(identity: number, text: string, port: NamedPort): boolean {
    const used = this.#used.get(identity) ?? new Map<string, Used>();
    this.#used.set(identity, used);
    const known = used.get(text);
    if (known !== undefined) known.entries++;
    else if (used.size < maxOfIdentity) used.set(text, { port, entries: 1 });
    return known === undefined;
  }

  #release(identity: number, text: string): boolean {
    const used = this.#used.get(identity);
    const known = used?.get(text);
    if (used === undefined || known === undefined || --known.entries > 0) return false;
    used.delete(text);
    if (used.size === 0) this.#used.delete(identity);
    return true;
  }
}

const nobody: ReadonlySet<number> = new Set();

function byText(ports: readonly NamedPort[]): ReadonlyMap<string, NamedPort> {
  const named = ports.slice(0, maxOfEntry).filter(({ name }) => name !== '' && name.length <= longestName);
  return new Map(named.map((port) => [`${port.protocol}/${port.name}/${port.port}`, port]));
}
