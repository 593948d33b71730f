import { isDeepStrictEqual } from 'node:util';
import type { Namespace } from '@clustermesh/kube';
import { isNamespaceGlobal } from '@clustermesh/wire';

/**
 * Our namespaces with their labels, and which of them take part in the mesh (protocol.md §7.6): others publish nothing and
 * use nothing of others.
 */
export class NamespaceTable {
  readonly #globalByDefault: boolean;
  readonly #isGlobal = new Map<string, boolean>();
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();

  constructor(globalByDefault: boolean) {
    this.#globalByDefault = globalByDefault;
  }

  /** `undefined`: there is no such namespace, or it is not known yet. */
  isGlobal(name: string): boolean | undefined {
    return this.#isGlobal.get(name);
  }

  labelsOf(name: string): Readonly<Record<string, string>> {
    return this.#labels.get(name) ?? {};
  }

  /** Has that changed anything? */
  upsert({ metadata }: Namespace): boolean {
    const { name, labels = {} } = metadata;
    const isGlobal = isNamespaceGlobal(metadata, this.#globalByDefault) ?? false;
    const isSame = this.#isGlobal.get(name) === isGlobal && isDeepStrictEqual(this.#labels.get(name), labels);
    this.#isGlobal.set(name, isGlobal);
    this.#labels.set(name, labels);
    return !isSame;
  }

  remove({ metadata }: Namespace): boolean {
    this.#labels.delete(metadata.name);
    return this.#isGlobal.delete(metadata.name);
  }
}
