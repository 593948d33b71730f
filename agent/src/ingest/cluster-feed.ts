import { aborted, runAll } from '@clustermesh/runtime';
import { canaryKey, kindByName } from '@clustermesh/wire';
import type { ClusterConfig, Kind, KindName, SourceContext } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { KindIngest } from './kind-ingest.ts';
import type { IngestDeps, IngestedKind } from './kind-ingest.ts';
import type { Rejections } from './rejections.ts';
import { identitySink, ipSink, nodeSink, serviceSink } from './sinks.ts';
import type { Sink } from './sinks.ts';

/** How many entries of a kind one cluster may have. */
export type KindLimits = Readonly<Partial<Record<KindName, number>>>;

export interface FeedDeps extends IngestDeps {
  readonly state: MeshState;
  readonly believesDeletes: () => boolean;
  readonly limits: KindLimits;
  readonly rejections: Rejections;
  readonly onSynced: (kind: KindName) => void;
}

/** All kinds of one accepted cluster. Outlives any number of connections and configurations with the same id. */
export class ClusterFeed {
  readonly context: SourceContext;
  readonly kinds: readonly IngestedKind[];
  readonly #ip: IngestedKind;
  readonly #deps: FeedDeps;

  /**
   * `cache`: another cluster in our cache. `state`: our own cluster as it is published to others, except services,
   * which the agent takes from Kubernetes.
   */
  constructor(form: 'cache' | 'state', context: SourceContext, deps: FeedDeps) {
    this.context = context;
    this.#deps = deps;
    const { state } = deps;
    this.#ip = this.#ingest(form, kindByName.ip, ipSink(state, context));
    this.kinds = [
      this.#ingest(form, kindByName.nodes, nodeSink(state, context)),
      this.#ingest(form, kindByName.identities, identitySink(state, context)),
      this.#ip,
      ...(form === 'cache' ? [this.#ingest(form, kindByName.services, serviceSink(state, context))] : []),
    ];
  }

  get entries(): number {
    return this.kinds.reduce((sum, kind) => sum + kind.entries, 0);
  }

  get withheld(): number {
    return this.kinds.reduce((sum, kind) => sum + kind.withheld, 0);
  }

  get rejected(): number {
    return this.kinds.reduce((sum, kind) => sum + kind.rejected, 0);
  }

  get noRoom(): number {
    return this.kinds.reduce((sum, kind) => sum + kind.noRoom, 0);
  }

  get hasSynced(): boolean {
    return this.kinds.every((kind) => kind.hasSynced);
  }

  get isLive(): boolean {
    return this.kinds.every((kind) => kind.isLive);
  }

  /** Until abort. A kind that the cluster does not publish is drained and counts as synced. */
  async run(config: ClusterConfig, signal: AbortSignal): Promise<void> {
    const runs = this.kinds.map((kind) => async (inner: AbortSignal) => {
      if (kindByName[kind.name].enabled(config)) return this.#runKind(kind, inner);
      kind.drain();
      this.#deps.onSynced(kind.name);
    });
    await runAll(runs, signal);
  }

  retryNoRoom(): void {
    for (const kind of this.kinds) kind.retryNoRoom();
  }

  applyWithheld(): void {
    for (const kind of this.kinds) kind.applyWithheld();
  }

  /** Services first, so that nothing chooses a backend whose address goes away. Not while running. */
  drain(): void {
    for (const kind of this.kinds.toReversed()) {
      kind.drain();
      this.#deps.health.scope(kind.healthName).remove();
    }
  }

  /** The first services come after the first addresses: a backend's path is there before it is chosen (I2). */
  async #runKind(kind: IngestedKind, signal: AbortSignal): Promise<void> {
    if (kind.name === 'services') await Promise.race([this.#ip.firstSync, aborted(signal)]);
    if (!signal.aborted) await kind.run(signal);
  }

  #ingest<T>(form: 'cache' | 'state', kind: Kind<T>, sink: Sink<T>): IngestedKind {
    const { cluster } = this.context;
    const source = {
      kind,
      sink,
      context: this.context,
      prefix: form === 'cache' ? kind.cachePrefix(cluster) : kind.statePrefix(cluster),
      canaryKey: canaryKey(cluster, form === 'cache' ? kind.cacheCanary : kind.stateCanary),
      believesDeletes: this.#deps.believesDeletes,
      rejections: this.#deps.rejections,
      limit: this.#deps.limits[kind.name] ?? Infinity,
      onSynced: () => this.#deps.onSynced(kind.name),
    };
    return new KindIngest<T>(source, this.#deps);
  }
}
