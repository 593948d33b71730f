import { parseIp } from '@clustermesh/wire';
import type { LabelledPod, NamedPort } from '@clustermesh/wire';
import type { Pod } from '@clustermesh/kube';

import { keyText } from '../maps/address.ts';

/** An address of a pod of this node that the mesh serves. */
export interface EndpointRow extends LabelledPod {
  readonly name: string;
  /** Container ports that have a name. */
  readonly ports: readonly NamedPort[];
  /** 16 bytes, IPv4 as v4-mapped. */
  readonly address: Uint8Array;
}

/** This node's pods that have a network of their own: a row for each of their addresses. */
export class EndpointTable {
  /** By `namespace/name`. */
  readonly #rows = new Map<string, readonly EndpointRow[]>();
  readonly #byAddress = new Map<string, EndpointRow>();

  /** Pods. */
  get size(): number {
    return this.#rows.size;
  }

  upsert(pod: Pod): void {
    this.remove(pod);
    const rows = endpointsOf(pod);
    if (rows.length === 0) return;
    this.#rows.set(keyOf(pod), rows);
    for (const row of rows) this.#byAddress.set(keyText(row.address), row);
  }

  remove(pod: Pod): void {
    for (const row of this.#rows.get(keyOf(pod)) ?? []) {
      // A finished pod's address may already be another one's.
      if (this.#byAddress.get(keyText(row.address)) === row) this.#byAddress.delete(keyText(row.address));
    }
    this.#rows.delete(keyOf(pod));
  }

  hasAddress(address: Uint8Array): boolean {
    return this.#byAddress.has(keyText(address));
  }

  find(address: Uint8Array): EndpointRow | undefined {
    return this.#byAddress.get(keyText(address));
  }

  rows(): IterableIterator<EndpointRow> {
    return this.#byAddress.values();
  }
}

function endpointsOf({ metadata, spec, status }: Pod): readonly EndpointRow[] {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (spec.hostNetwork === true || isOver) return [];
  const texts = new Set([status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)]);
  const pod = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    serviceAccount: spec.serviceAccountName ?? '',
    ports: namedPorts(spec),
  };
  return [...texts].flatMap((text) => {
    const address = parseIp(text);
    return address === undefined ? [] : [{ ...pod, address }];
  });
}

function namedPorts({ containers = [] }: Partial<Pod['spec']>): readonly NamedPort[] {
  return containers
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ name = '', containerPort, protocol = 'TCP' }) =>
      name === '' ? [] : [{ name, port: containerPort, protocol }],
    );
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
