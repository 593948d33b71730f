import { objectKey } from '@clustermesh/kube';
import type { KubeObject, ListWatchObserver } from '@clustermesh/kube';
import type { IpIdentity } from '@clustermesh/wire';

import { IpOwnership } from '../../publish/ip-ownership.ts';
import type { KindSink } from '../../publish/kind-publisher.ts';
import { GroupedKeys } from '../grouped-keys.ts';
import type { NamespaceTable } from '../namespace-table.ts';

export interface EndpointEntriesDeps<T> {
  readonly namespaces: Pick<NamespaceTable, 'isGlobal' | 'onChange'>;
  readonly sink: KindSink<IpIdentity>;
  readonly namespaceOf: (object: T) => string;
  /** One object may say something of one IP twice: the last word counts. */
  readonly entriesOf: (object: T) => readonly IpIdentity[];
}

/** Objects that each claim some IPs -> IP entries: of several claimants the first one counts (protocol.md §7.4). */
export class EndpointEntries<T extends KubeObject> implements ListWatchObserver<T> {
  readonly #deps: EndpointEntriesDeps<T>;
  readonly #objects = new Map<string, T>();
  readonly #objectsByNamespace = new GroupedKeys();
  readonly #ownership = new IpOwnership();

  constructor(deps: EndpointEntriesDeps<T>) {
    this.#deps = deps;
    deps.namespaces.onChange((name) => {
      for (const key of this.#objectsByNamespace.keysOf(name)) this.#refresh(key);
    });
  }

  /** Throws for an object that cannot be read: what it said before stays. */
  upserted(object: T): void {
    const key = objectKey(object);
    const entries = this.#entriesOf(object);
    this.#objects.set(key, object);
    this.#objectsByNamespace.put(key, this.#deps.namespaceOf(object));
    this.#refresh(key, entries);
  }

  deleted(object: T): void {
    const key = objectKey(object);
    this.#objects.delete(key);
    this.#objectsByNamespace.put(key, undefined);
    this.#refresh(key);
  }

  synced(): void {
    this.#deps.sink.synced();
  }

  /** Upserts before deletes: an IP that goes from one claimant to the next is never gone between. */
  #refresh(key: string, entries = this.#entriesOf(this.#objects.get(key))): void {
    const changed = this.#ownership.claim(key, [...entries.keys()]);
    for (const [ip, entry] of entries) if (this.#ownership.ownerOf(ip) === key) this.#deps.sink.upsert(ip, entry);
    const lost = changed.filter((ip) => !entries.has(ip));
    const gone = lost.filter((ip) => !this.#publishHeir(ip));
    for (const ip of gone) this.#deps.sink.delete(ip);
  }

  /** False when nobody else claims the IP. */
  #publishHeir(ip: string): boolean {
    const owner = this.#ownership.ownerOf(ip);
    const entry = owner === undefined ? undefined : this.#entriesOf(this.#objects.get(owner)).get(ip);
    if (entry !== undefined) this.#deps.sink.upsert(ip, entry);
    return entry !== undefined;
  }

  #entriesOf(object: T | undefined): ReadonlyMap<string, IpIdentity> {
    const { namespaces, namespaceOf, entriesOf } = this.#deps;
    const isPublished = object !== undefined && namespaces.isGlobal(namespaceOf(object));
    return new Map(isPublished ? entriesOf(object).map((entry) => [entry.ip, entry]) : []);
  }
}
