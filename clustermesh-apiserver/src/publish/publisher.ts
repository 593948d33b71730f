import { runAll } from '@clustermesh/runtime';
import { kindByName } from '@clustermesh/wire';
import type {
  ClusterConfig,
  ClusterEndpointSlice,
  ClusterService,
  LabelArray,
  MeshNode,
  ServiceExport,
} from '@clustermesh/wire';

import type { KindState } from '../metrics.ts';
import { IpGate } from './ip-gate.ts';
import type { IpSink } from './ip-gate.ts';
import { KindPublisher } from './kind-publisher.ts';
import type { KindSink, OrderedSink, PublishDeps } from './kind-publisher.ts';

/** What sources fill: one sink a kind. */
export interface Sinks {
  readonly nodes: KindSink<MeshNode>;
  readonly identities: KindSink<LabelArray>;
  readonly ip: IpSink;
  readonly services: KindSink<ClusterService>;
  readonly endpointSlices: OrderedSink<ClusterEndpointSlice>;
  readonly serviceExports: KindSink<ServiceExport>;
}

export interface PublisherDeps extends PublishDeps {
  /** Every canary is written. Once. */
  readonly onStarted: () => void;
}

/**
 * Everything that this cluster tells the others: each kind with a writer of its own, IPs after their identities. Of kinds
 * that its config does not announce nothing is written, and nothing is touched: what was there ends with its lease.
 */
export class Publisher implements Sinks {
  readonly nodes: KindPublisher<MeshNode>;
  readonly identities: KindSink<LabelArray>;
  readonly ip: IpSink;
  readonly services: KindPublisher<ClusterService>;
  readonly endpointSlices: KindPublisher<ClusterEndpointSlice>;
  readonly serviceExports: KindPublisher<ServiceExport>;
  readonly #publishers: readonly Pick<KindPublisher<never>, 'name' | 'isSynced' | 'state' | 'run'>[];
  #bootstrapMs: number | undefined;

  constructor(config: ClusterConfig, deps: PublisherDeps) {
    const { clock } = deps;
    const startMs = clock.monotonicMs();
    const announced = (): void => {
      if (this.unsynced.length > 0) return;
      this.#bootstrapMs = clock.monotonicMs() - startMs;
      deps.onStarted();
    };
    const ip = new KindPublisher(kindByName.ip, deps, { announced });
    const gate = new IpGate(ip);
    const written = (name: string): void => gate.identityWritten(name);
    const identities = new KindPublisher(kindByName.identities, deps, { announced, written });
    this.nodes = new KindPublisher(kindByName.nodes, deps, { announced });
    this.services = new KindPublisher(kindByName.services, deps, { announced });
    this.endpointSlices = new KindPublisher(kindByName.endpointslices, deps, { announced });
    this.ip = gate;
    this.identities = {
      upsert: (name, value) => {
        gate.identityUpserted(name);
        if (!identities.upsert(name, value)) gate.identityDeleted(name);
      },
      delete: (name) => {
        gate.identityDeleted(name);
        identities.delete(name);
      },
      synced: () => identities.synced(),
    };
    this.serviceExports = new KindPublisher(kindByName.serviceexports, deps, { announced });
    // Readers wait for their canary even where there are none.
    if (config.capabilities.serviceExportsEnabled !== true) this.serviceExports.synced();
    const all = [this.nodes, identities, ip, this.services, this.endpointSlices, this.serviceExports];
    this.#publishers = all.filter(({ name }) => kindByName[name].enabled(config));
  }

  /** The kinds whose canary is still missing. */
  get unsynced(): readonly string[] {
    return this.#publishers.filter(({ isSynced }) => !isSynced).map(({ name }) => name);
  }

  get kinds(): readonly KindState[] {
    return this.#publishers.map(({ state }) => state);
  }

  /** How long it took until every canary was written; undefined before. */
  get bootstrapMs(): number | undefined {
    return this.#bootstrapMs;
  }

  run(signal: AbortSignal): Promise<void> {
    return runAll(
      this.#publishers.map((publisher) => (inner: AbortSignal) => publisher.run(inner)),
      signal,
    );
  }
}
