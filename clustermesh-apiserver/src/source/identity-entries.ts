import { podNamespaceLabel } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

import type { KindSink } from '../publish/kind-publisher.ts';
import { GroupedKeys } from './grouped-keys.ts';
import type { NamespaceTable } from './namespace-table.ts';

export interface IdentityEntriesDeps {
  readonly namespaces: NamespaceTable;
  readonly sink: KindSink<LabelArray>;
  readonly labelsOf: (number: number) => LabelArray | undefined;
}

/** Identities -> entries: all of namespaces that are global, be they in use or not (protocol.md §7.4). */
export class IdentityEntries {
  readonly #deps: IdentityEntriesDeps;
  readonly #numbersByNamespace = new GroupedKeys();

  constructor(deps: IdentityEntriesDeps) {
    this.#deps = deps;
    deps.namespaces.onChange((name) => {
      for (const number of this.#numbersByNamespace.keysOf(name)) this.refresh(Number(number));
    });
  }

  refresh(number: number): void {
    const { namespaces, sink, labelsOf } = this.#deps;
    const labels = labelsOf(number);
    const namespace = labels?.find(({ source, key }) => source === 'k8s' && key === podNamespaceLabel)?.value;
    this.#numbersByNamespace.put(`${number}`, namespace);
    if (labels !== undefined && namespace !== undefined && namespaces.isGlobal(namespace)) {
      sink.upsert(`${number}`, labels);
    } else {
      sink.delete(`${number}`);
    }
  }
}
