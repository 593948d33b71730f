import { ciliumEndpoints, ciliumEndpointSlices, ciliumIdentities, ciliumNodes } from '@clustermesh/kube';
import type { CiliumNode } from '@clustermesh/kube';
import { every, runAll } from '@clustermesh/runtime';

import {
  entriesOfCiliumEndpoint,
  entriesOfCiliumEndpointSlice,
  keptCiliumEndpoint,
  keptCiliumEndpointSlice,
} from '../../map/cilium-endpoint.ts';
import { meshNodeOfCilium } from '../../map/cilium-node.ts';
import type { LocalCluster } from '../../map/local-cluster.ts';
import type { Sinks } from '../../publish/publisher.ts';
import type { NamespaceTable } from '../namespace-table.ts';
import { NodeSource } from '../node-source.ts';
import { follow } from '../source.ts';
import type { Source, SourceDeps } from '../source.ts';
import { EndpointEntries } from './endpoint-entries.ts';
import { IdentityTable } from './identity-table.ts';

export interface CiliumSourceDeps extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly namespaces: NamespaceTable;
  readonly sinks: Pick<Sinks, 'nodes' | 'identities' | 'ip'>;
  /** Endpoints are told by CiliumEndpointSlices, not by CiliumEndpoints: the agents' own switch. */
  readonly endpointSlices: boolean;
}

/** An IP waits that long, up to twice, for the identity that it names, which comes by another watch. */
const patienceMs = 1_000;

/** A running cluster of Cilium has them all: while one is absent nothing is known, and nothing of it withdrawn (I4). */
const options = { mustExist: true } as const;

/** Nodes, identities and IPs as Cilium's agents and operator wrote them. */
export class CiliumSource implements Source {
  readonly #deps: CiliumSourceDeps;
  readonly #nodes: NodeSource<CiliumNode>;
  readonly #identities: IdentityTable;
  #hasIdentities = false;

  constructor(deps: CiliumSourceDeps) {
    this.#deps = deps;
    const { sinks } = deps;
    const node = { resource: ciliumNodes, convert: meshNodeOfCilium, sink: sinks.nodes, options };
    this.#nodes = new NodeSource({ ...deps, ...node });
    const onSynced = (): void => {
      this.#hasIdentities = true;
    };
    this.#identities = new IdentityTable({ ...deps, sink: sinks.identities, onSynced });
  }

  /** How many identities there are, used or not. */
  get identities(): number {
    return this.#identities.size;
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) => this.#nodes.run(inner),
        (inner) => follow(ciliumIdentities, this.#identities, { ...this.#deps, options }, inner),
        (inner) => (this.#deps.endpointSlices ? this.#followSlices(inner) : this.#followEndpoints(inner)),
        (inner) => this.#passOverdue(inner),
      ],
      signal,
    );
  }

  async #followEndpoints(signal: AbortSignal): Promise<void> {
    const { namespaces, sinks } = this.#deps;
    const entries = new EndpointEntries({
      namespaces,
      sink: sinks.ip,
      namespaceOf: ({ metadata }) => metadata.namespace ?? '',
      entriesOf: entriesOfCiliumEndpoint,
    });
    const deps = { ...this.#deps, options: { ...options, keep: keptCiliumEndpoint } };
    await follow(ciliumEndpoints, entries, deps, signal);
  }

  async #followSlices(signal: AbortSignal): Promise<void> {
    const { namespaces, sinks } = this.#deps;
    const entries = new EndpointEntries({
      namespaces,
      sink: sinks.ip,
      namespaceOf: ({ namespace = '' }) => namespace,
      entriesOf: entriesOfCiliumEndpointSlice,
    });
    const deps = { ...this.#deps, options: { ...options, keep: keptCiliumEndpointSlice } };
    await follow(ciliumEndpointSlices, entries, deps, signal);
  }

  /** The identity of an endpoint may be gone, or not be published: its IP then goes without, as Cilium writes it. */
  async #passOverdue(signal: AbortSignal): Promise<void> {
    const round = async (): Promise<void> => {
      if (this.#hasIdentities) this.#deps.sinks.ip.passOverdue();
    };
    await every(patienceMs, round, { ...this.#deps, name: 'overdue-addresses' }, signal);
  }
}
