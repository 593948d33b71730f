import type { PolicyKubeObject } from '@clustermesh/kube';
import { parsePolicy } from '@clustermesh/policy';
import type { ParsedPolicy, PolicyKind, PolicyRef, Scope } from '@clustermesh/policy';

/** A policy object of our cluster, and what was made of it. */
export interface PolicyRow {
  readonly ref: PolicyRef;
  readonly uid: string;
  readonly parsed: ParsedPolicy;
}

/** The policy objects of this cluster, by `kind/namespace/name`. */
export class PolicyTable {
  readonly #scope: Scope;
  readonly #onChange: (key: string) => void;
  readonly #rows = new Map<string, PolicyRow>();

  constructor(scope: Scope, onChange: (key: string) => void) {
    this.#scope = scope;
    this.#onChange = onChange;
  }

  get rows(): ReadonlyMap<string, PolicyRow> {
    return this.#rows;
  }

  upsert(kind: PolicyKind, { metadata, spec, specs }: PolicyKubeObject): void {
    const ref = { kind, namespace: metadata.namespace ?? '', name: metadata.name };
    const parsed = parsePolicy({ kind, metadata, spec, ...(specs === undefined ? {} : { specs }) }, this.#scope);
    this.#rows.set(policyKey(ref), { ref, uid: metadata.uid ?? '', parsed });
    this.#onChange(policyKey(ref));
  }

  remove(kind: PolicyKind, { metadata }: PolicyKubeObject): void {
    const key = policyKey({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
    if (this.#rows.delete(key)) this.#onChange(key);
  }
}

export function policyKey({ kind, namespace, name }: PolicyRef): string {
  return `${kind}/${namespace}/${name}`;
}
