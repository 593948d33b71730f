import type { Namespace } from '@clustermesh/kube';
import { isNamespaceGlobal } from '@clustermesh/wire';

/** Which of our namespaces take part in the mesh (protocol.md §7.6): others publish nothing and use nothing of others. */
export class NamespaceTable {
  readonly #globalByDefault: boolean;
  readonly #isGlobal = new Map<string, boolean>();

  constructor(globalByDefault: boolean) {
    this.#globalByDefault = globalByDefault;
  }

  /** `undefined`: there is no such namespace, or it is not known yet. */
  isGlobal(name: string): boolean | undefined {
    return this.#isGlobal.get(name);
  }

  /** Has that changed anything? */
  upsert({ metadata }: Namespace): boolean {
    const before = this.#isGlobal.get(metadata.name);
    const isGlobal = isNamespaceGlobal(metadata, this.#globalByDefault) ?? false;
    this.#isGlobal.set(metadata.name, isGlobal);
    return before !== isGlobal;
  }

  remove({ metadata }: Namespace): boolean {
    return this.#isGlobal.delete(metadata.name);
  }
}
