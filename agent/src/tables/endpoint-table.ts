import { parseIp } from '@clustermesh/wire';
import type { Pod } from '@clustermesh/kube';

import { keyText } from '../maps/address.ts';

/** A pod of this node that the mesh serves. */
export interface EndpointRow {
  readonly namespace: string;
  readonly name: string;
  /** 16 bytes, v4-mapped; the datapath's overlay is IPv4. */
  readonly address: Uint8Array;
}

/** This node's pods that have a network of their own, by `namespace/name`. */
export class EndpointTable {
  readonly #rows = new Map<string, EndpointRow>();
  readonly #byAddress = new Map<string, EndpointRow>();

  get size(): number {
    return this.#rows.size;
  }

  upsert(pod: Pod): void {
    this.remove(pod);
    const row = endpointOf(pod);
    if (row === undefined) return;
    this.#rows.set(keyOf(pod), row);
    this.#byAddress.set(keyText(row.address), row);
  }

  remove(pod: Pod): void {
    const row = this.#rows.get(keyOf(pod));
    if (row === undefined) return;
    this.#rows.delete(keyOf(pod));
    // A finished pod's address may already be another one's.
    if (this.#byAddress.get(keyText(row.address)) === row) this.#byAddress.delete(keyText(row.address));
  }

  hasAddress(address: Uint8Array): boolean {
    return this.#byAddress.has(keyText(address));
  }

  rows(): IterableIterator<EndpointRow> {
    return this.#byAddress.values();
  }
}

function endpointOf({ metadata, spec, status }: Pod): EndpointRow | undefined {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const address = parseIp(status?.podIP ?? '');
  if (spec.hostNetwork === true || isOver || address === undefined) return undefined;
  return { namespace: metadata.namespace ?? '', name: metadata.name, address };
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
