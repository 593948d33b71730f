import type { CiliumIdentity, ListWatchObserver } from '@clustermesh/kube';
import type { Logger } from '@clustermesh/runtime';
import { numericIdentity, podNamespaceLabel } from '@clustermesh/wire';
import type { LabelArray } from '@clustermesh/wire';

import { labelsOfCiliumIdentity } from '../../map/cilium-identity.ts';
import type { KindSink } from '../../publish/kind-publisher.ts';
import { IdentityEntries } from '../identity-entries.ts';
import type { NamespaceTable } from '../namespace-table.ts';

export interface IdentityTableDeps {
  readonly namespaces: NamespaceTable;
  readonly sink: KindSink<LabelArray>;
  readonly log: Logger;
  readonly onSynced: () => void;
}

/** Identities that Cilium allocated, by number. Those that no namespace is known of are never published. */
export class IdentityTable implements ListWatchObserver<CiliumIdentity> {
  readonly #deps: IdentityTableDeps;
  readonly #labelsByNumber = new Map<number, LabelArray>();
  readonly #entries: IdentityEntries;

  constructor(deps: IdentityTableDeps) {
    this.#deps = deps;
    this.#entries = new IdentityEntries({ ...deps, labelsOf: (number) => this.#labelsByNumber.get(number) });
  }

  get size(): number {
    return this.#labelsByNumber.size;
  }

  upserted(identity: CiliumIdentity): void {
    const number = numericIdentity(identity.metadata.name);
    const labels = labelsOfCiliumIdentity(identity);
    if (!labels.some(({ key }) => key === podNamespaceLabel)) {
      this.#deps.log.warn({ identity: identity.metadata.name }, 'identity without a namespace is not published');
    }
    if (!number.ok) return;
    this.#labelsByNumber.set(number.value, labels);
    this.#entries.refresh(number.value);
  }

  deleted(identity: CiliumIdentity): void {
    const number = numericIdentity(identity.metadata.name);
    if (!number.ok) return;
    this.#labelsByNumber.delete(number.value);
    this.#entries.refresh(number.value);
  }

  synced(): void {
    this.#deps.sink.synced();
    this.#deps.onSynced();
  }
}
