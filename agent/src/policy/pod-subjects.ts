import { firstLocalSubject } from '@clustermesh/policy';
import type { NamedPorts } from '@clustermesh/policy';
import { identityLabels, worldIdentity } from '@clustermesh/wire';
import type { ClusterName, LabelArray, NamedPort } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import type { EndpointRecord } from '../maps/endpoint.ts';
import type { EndpointRow } from '../tables/endpoint-table.ts';
import type { NamespaceTable } from '../tables/namespace-table.ts';
import { namedPortsOf } from './named-ports.ts';

/** A pod of this node, and who it is to the others. */
export interface IdentifiedPod {
  readonly row: EndpointRow;
  readonly identity: number;
}

/** Whose rows judge some of this node's pods. */
export interface PodSubject {
  readonly number: number;
  /** Of a subject of this node alone: nobody else tells of them. */
  readonly labels: LabelArray | undefined;
  readonly namedPorts: NamedPorts;
}

export interface PodSubjectsOptions {
  readonly localCluster: ClusterName;
  readonly namespaces: Pick<NamespaceTable, 'labelsOf'>;
  /** Endpoints that an agent before us left: their pods keep their numbers (I7). */
  readonly restored: readonly Pick<EndpointRecord, 'address' | 'subject'>[];
}

/**
 * Which rows judge which pod of this node. What our cluster publishes is judged by its identity; what it keeps to itself is
 * nobody in particular to others (ADR 118), but has policies by its own labels: a subject of its own.
 */
export class PodSubjects {
  readonly #options: PodSubjectsOptions;
  readonly #numberByAddress: Map<string, number>;
  readonly #numberByPod = new Map<string, number>();
  #lastNumber: number;

  constructor(options: PodSubjectsOptions) {
    this.#options = options;
    const local = options.restored.filter(({ subject }) => subject >= firstLocalSubject);
    this.#numberByAddress = new Map(local.map(({ address, subject }) => [keyText(address), subject]));
    this.#lastNumber = Math.max(firstLocalSubject, ...local.map(({ subject }) => subject));
  }

  numberOf({ row, identity }: IdentifiedPod): number {
    if (identity !== worldIdentity) return identity;
    const pod = `${row.namespace}/${row.name}`;
    const known = this.#numberByPod.get(pod) ?? this.#numberByAddress.get(keyText(row.address));
    const number = known ?? ++this.#lastNumber;
    this.#numberByPod.set(pod, number);
    return number;
  }

  /** One for all pods that are judged alike. */
  subjectsOf(pods: readonly IdentifiedPod[]): readonly PodSubject[] {
    const byNumber = Map.groupBy(pods, (pod) => this.numberOf(pod));
    return [...byNumber].map(([number, alike]) => ({
      number,
      labels: number < firstLocalSubject ? undefined : this.#labelsOf(alike),
      namedPorts: namedPortsOf(alike.flatMap(({ row }): readonly NamedPort[] => row.ports)),
    }));
  }

  /** Pods that are gone give their numbers up. */
  keep(numbers: ReadonlySet<number>): void {
    for (const [pod, number] of this.#numberByPod) if (!numbers.has(number)) this.#numberByPod.delete(pod);
    for (const [address, number] of this.#numberByAddress) {
      if (!numbers.has(number)) this.#numberByAddress.delete(address);
    }
  }

  #labelsOf([pod]: readonly IdentifiedPod[]): LabelArray {
    const { namespaces, localCluster } = this.#options;
    return pod === undefined ? [] : identityLabels(pod.row, namespaces.labelsOf(pod.row.namespace), localCluster);
  }
}
