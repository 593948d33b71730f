import { nodes, pods } from '@clustermesh/kube';
import type { Node } from '@clustermesh/kube';
import { Backoff, every, retryLoop, runAll } from '@clustermesh/runtime';
import { identityRange } from '@clustermesh/wire';

import { IdentityAllocator } from '../../identity/allocator.ts';
import { IdentityCollector } from '../../identity/collector.ts';
import { installDefinition } from '../../identity/definition.ts';
import { MeshIdentityClient } from '../../identity/mesh-identity-client.ts';
import { meshIdentities } from '../../identity/mesh-identity.ts';
import type { MeshIdentity } from '../../identity/mesh-identity.ts';
import type { LocalCluster } from '../../map/local-cluster.ts';
import { meshNode } from '../../map/node.ts';
import { nodeFields, podFields } from '../../map/read-fields.ts';
import type { Sinks } from '../../publish/publisher.ts';
import type { NamespaceTable } from '../namespace-table.ts';
import { IdentityEntries } from '../identity-entries.ts';
import { NodeSource } from '../node-source.ts';
import { follow } from '../source.ts';
import type { Source, SourceDeps } from '../source.ts';
import { PodEntries } from './pod-entries.ts';

export interface KubernetesSourceDeps extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly namespaces: NamespaceTable;
  readonly sinks: Pick<Sinks, 'nodes' | 'identities' | 'ip'>;
  /** An identity stays that long after its last user went, milliseconds. */
  readonly identityGraceMs: number;
}

/** Rounds of the collector in one grace period. */
const roundsPerGrace = 10;

/** Nodes, identities and IPs from Node, Pod and Namespace; identities are our own objects (ADR 60). */
export class KubernetesSource implements Source {
  readonly #deps: KubernetesSourceDeps;
  readonly #nodes: NodeSource<Node>;
  readonly #allocator: IdentityAllocator;
  readonly #pods: PodEntries;
  readonly #collector: IdentityCollector;
  #hasIdentities = false;
  #hasPods = false;

  constructor(deps: KubernetesSourceDeps) {
    this.#deps = deps;
    const { cluster, namespaces, sinks, kube, clock, log, identityGraceMs } = deps;
    this.#nodes = new NodeSource({
      ...deps,
      resource: nodes,
      convert: meshNode,
      sink: sinks.nodes,
      options: { fields: nodeFields },
    });
    const range = identityRange(cluster.id, cluster.maxConnectedClusters);
    const entries = new IdentityEntries({
      namespaces,
      sink: sinks.identities,
      labelsOf: (number) => this.#allocator.labelsOf(number),
    });
    const observer = {
      settled: (text: string) => this.#pods.settled(text),
      identityChanged: (number: number) => entries.refresh(number),
    };
    this.#allocator = new IdentityAllocator(range, observer, deps);
    this.#pods = new PodEntries({
      cluster,
      namespaces,
      allocator: this.#allocator,
      sink: sinks.ip,
      onSettled: () => {
        this.#hasPods = true;
        this.#synced();
      },
    });
    const client = new MeshIdentityClient(kube);
    this.#collector = new IdentityCollector({
      allocator: this.#allocator,
      client,
      clock,
      log,
      graceMs: identityGraceMs,
    });
  }

  /** How many identities there are, used or not. */
  get identities(): number {
    return this.#allocator.size;
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) => this.#nodes.run(inner),
        (inner) => this.#followIdentities(inner),
        (inner) => follow(pods, this.#pods, { ...this.#deps, options: { fields: podFields } }, inner),
        (inner) => this.#allocator.run(inner),
        (inner) => this.#collect(inner),
      ],
      signal,
    );
  }

  /** Nodes and services do not wait for the definition: it may be refused. */
  async #followIdentities(signal: AbortSignal): Promise<void> {
    const { kube, random, log } = this.#deps;
    const backoff = new Backoff({ baseMs: 500, capMs: 10_000, random });
    const options = { ...this.#deps, name: 'install-definition', backoff };
    await retryLoop((inner) => installDefinition(kube, log, inner), options, signal);
    // Numbers are not free because their definition is gone: then nothing is known of them (I4).
    await follow(meshIdentities, this.#identityObserver(), { ...this.#deps, options: { mustExist: true } }, signal);
  }

  #identityObserver(): { upserted(o: MeshIdentity): void; deleted(o: MeshIdentity): void; synced(): void } {
    return {
      upserted: (object) => this.#allocator.upserted(object),
      deleted: (object) => this.#allocator.deleted(object),
      synced: () => {
        this.#allocator.synced();
        this.#hasIdentities = true;
        this.#synced();
      },
    };
  }

  /** One moment for both kinds: whoever sees their canaries sees every pod of the start with its identity. */
  #synced(): void {
    if (!this.#hasIdentities || !this.#hasPods) return;
    this.#deps.sinks.identities.synced();
    this.#deps.sinks.ip.synced();
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const periodMs = this.#deps.identityGraceMs / roundsPerGrace;
    const round = async (inner: AbortSignal): Promise<void> => {
      if (this.#hasPods) await this.#collector.round(inner);
    };
    await every(periodMs, round, { ...this.#deps, name: 'identity-collection' }, signal);
  }
}
