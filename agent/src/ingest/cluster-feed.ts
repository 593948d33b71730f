import { aborted, runAll } from '@clustermesh/runtime';
import type { KvReader } from '@clustermesh/kvstore';
import { canaryKey, clusterConfigKey, kindByName } from '@clustermesh/wire';
import type { ClusterConfig, Kind, KindName, SourceContext } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { KindIngest } from './kind-ingest.ts';
import type { EntriesAt, IngestDeps, IngestedKind } from './kind-ingest.ts';
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

/** Where the entries of a cluster stand. */
export interface Published {
  readonly context: SourceContext;
  /** `undefined`: out of contact. */
  readonly kv: KvReader | undefined;
  prefixOf(kind: KindName): string;
}

/**
 * All kinds of one accepted cluster. Outlives any number of connections and configurations with the same id, also when
 * the cluster is read from a cache first, and then directly.
 */
export class ClusterFeed implements Published {
  readonly context: SourceContext;
  readonly kinds: readonly IngestedKind[];
  readonly #ip: IngestedKind;
  readonly #deps: FeedDeps;
  #kv: KvReader | undefined;
  #isCached: boolean;

  /** Of our own cluster what it publishes to others, except services, which the agent takes from Kubernetes. */
  constructor(of: 'remote' | 'local', context: SourceContext, deps: FeedDeps) {
    this.context = context;
    this.#deps = deps;
    this.#isCached = of === 'remote';
    const { state } = deps;
    this.#ip = this.#ingest(kindByName.ip, ipSink(state, context));
    this.kinds = [
      this.#ingest(kindByName.nodes, nodeSink(state, context)),
      this.#ingest(kindByName.identities, identitySink(state, context)),
      this.#ip,
      ...(of === 'remote' ? [this.#ingest(kindByName.services, serviceSink(state, context))] : []),
    ];
  }

  get kv(): KvReader | undefined {
    return this.#kv;
  }

  /** As it was read last. */
  prefixOf(kind: KindName): string {
    const { cluster } = this.context;
    return this.#isCached ? kindByName[kind].cachePrefix(cluster) : kindByName[kind].statePrefix(cluster);
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

  /** Until abort, over any number of connections. A kind that the cluster does not publish counts as synced. */
  async run(kv: KvReader, config: ClusterConfig, signal: AbortSignal): Promise<void> {
    await this.#read(kv, config, (kind, at, inner) => kind.run(at, inner), signal);
  }

  /** The same over one connection, whose loss is thrown. */
  async follow(kv: KvReader, config: ClusterConfig, signal: AbortSignal): Promise<void> {
    await this.#read(kv, config, (kind, at, inner) => kind.follow(at, inner), signal);
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

  async #read(
    kv: KvReader,
    config: ClusterConfig,
    read: (kind: IngestedKind, at: EntriesAt, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#kv = kv;
    this.#isCached = config.capabilities.cached;
    const runs = this.kinds.map((kind) => async (inner: AbortSignal) => {
      if (!kindByName[kind.name].enabled(config)) {
        kind.absent();
        return;
      }
      // The first services come after the first addresses: a backend's path is there before it is chosen (I2).
      if (kind.name === 'services') await Promise.race([this.#ip.firstSync, aborted(inner)]);
      if (!inner.aborted) await read(kind, this.#entriesAt(kind.name, kv, config), inner);
    });
    try {
      await runAll(runs, signal);
    } finally {
      this.#kv = undefined;
    }
  }

  #entriesAt(name: KindName, kv: KvReader, { capabilities }: ClusterConfig): EntriesAt {
    const { cluster } = this.context;
    const kind = kindByName[name];
    const canary = canaryKey(cluster, capabilities.cached ? kind.cacheCanary : kind.stateCanary);
    const entries = { kv, prefix: this.prefixOf(name) };
    // Who announces no canaries fills no empty store: what is there counts at once (protocol.md §4.3).
    if (!capabilities.syncedCanaries)
      return { ...entries, canaryKey: undefined, witnesses: [clusterConfigKey(cluster)] };
    return { ...entries, canaryKey: canary, witnesses: [canary] };
  }

  #ingest<T>(kind: Kind<T>, sink: Sink<T>): IngestedKind {
    const source = {
      kind,
      sink,
      context: this.context,
      believesDeletes: this.#deps.believesDeletes,
      rejections: this.#deps.rejections,
      limit: this.#deps.limits[kind.name] ?? Infinity,
      onSynced: () => this.#deps.onSynced(kind.name),
    };
    return new KindIngest<T>(source, this.#deps);
  }
}
