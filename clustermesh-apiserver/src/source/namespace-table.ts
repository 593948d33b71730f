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

  /** Called with a namespace whose `isGlobal` or `labelsOf` changed. */
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
    const { name } = namespace.metadata;
    this.#change(name, () => this.#namespaces.set(name, namespace));
  }

  deleted(namespace: Namespace): void {
    const { name } = namespace.metadata;
    this.#change(name, () => this.#namespaces.delete(name));
  }

  synced(): void {
    this.#synced.resolve(undefined);
  }

  /** Objects of a namespace are many: they are looked at again only when this makes a difference to them. */
  #change(name: string, apply: () => unknown): void {
    const before = this.#fingerprint(name);
    apply();
    if (this.#fingerprint(name) === before) return;
    for (const listener of this.#listeners) listener(name);
  }

  #fingerprint(name: string): string {
    return JSON.stringify([this.isGlobal(name), Object.entries(this.labelsOf(name)).sort()]);
  }
}
