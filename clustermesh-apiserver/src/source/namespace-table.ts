import type { ListWatchObserver, Namespace } from '@clustermesh/kube';
import { isNamespaceGlobal } from '@clustermesh/wire';

/** The cluster's namespaces: whose objects may be published, and with which labels (protocol.md §7.6). */
export class NamespaceTable implements ListWatchObserver<Namespace> {
  readonly #globalByDefault: boolean;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #listeners: ((name: string) => void)[] = [];
  readonly #synced = Promise.withResolvers<undefined>();

  constructor(globalByDefault: boolean) {
    this.#globalByDefault = globalByDefault;
  }

  /** Resolves after the first complete listing: before it, nothing can be said of any namespace. */
  get whenSynced(): Promise<undefined> {
    return this.#synced.promise;
  }

  /** Called with a namespace after it came, changed or went. */
  onChange(listener: (name: string) => void): void {
    this.#listeners.push(listener);
  }

  /** False for a namespace that is not there: its objects come or go with it, whatever the default is. */
  isGlobal(name: string): boolean {
    const namespace = this.#namespaces.get(name);
    return isNamespaceGlobal(namespace?.metadata, this.#globalByDefault) ?? false;
  }

  labelsOf(name: string): Readonly<Record<string, string>> {
    return this.#namespaces.get(name)?.metadata.labels ?? {};
  }

  upserted(namespace: Namespace): void {
    this.#namespaces.set(namespace.metadata.name, namespace);
    this.#tell(namespace.metadata.name);
  }

  deleted(namespace: Namespace): void {
    this.#namespaces.delete(namespace.metadata.name);
    this.#tell(namespace.metadata.name);
  }

  synced(): void {
    this.#synced.resolve(undefined);
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}
