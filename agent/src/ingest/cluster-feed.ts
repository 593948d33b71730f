import { aborted, runAll } from '@clustermesh/runtime';
import type { KvReader } from '@clustermesh/kvstore';
import { canaryKey, clusterConfigKey, ipEntryReader, kindByName } from '@clustermesh/wire';
import type { ClusterConfig, Kind, KindName, SourceContext } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { KindIngest } from './kind-ingest.ts';
import type { EntriesAt, IngestDeps, IngestedKind, KindSource } from './kind-ingest.ts';
import type { Rejections } from './rejections.ts';
import { identitySink, ipSink, nodeSink, serviceSink, sliceSink } from './sinks.ts';
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

/** Both tell of the backends of services. */
const otherForm: Readonly<Partial<Record<KindName, KindName>>> = {
  services: 'endpointslices',
  endpointslices: 'services',
};

/** What is not in the new form of publication by then has gone. */
const handOverMs = 60_000;

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
  #config: ClusterConfig | undefined;
  /** What has been read completely since `run` or `follow` was called. */
  #reads = new Map<KindName, PromiseWithResolvers<undefined>>();

  /** Of our own cluster what it publishes to others, except services, which the agent takes from Kubernetes. */
  constructor(of: 'remote' | 'local', context: SourceContext, deps: FeedDeps) {
    this.context = context;
    this.#deps = deps;
    this.#isCached = of === 'remote';
    const { state } = deps;
    this.#ip = this.#ingest('ip', ipEntryReader(context), ipSink(state, context));
    this.kinds = [
      this.#ingestKind(kindByName.nodes, nodeSink(state, context)),
      this.#ingestKind(kindByName.identities, identitySink(state, context)),
      this.#ip,
      ...(of === 'remote'
        ? [
            this.#ingestKind(kindByName.services, serviceSink(state, context)),
            this.#ingestKind(kindByName.endpointslices, sliceSink(state, context)),
          ]
        : []),
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
    return this.kinds.every((kind) => kind.hasSynced || this.#isOptional(kind));
  }

  get isLive(): boolean {
    return this.kinds.every((kind) => kind.isLive || this.#isOptional(kind));
  }

  /** Until abort, over any number of connections. A kind that the cluster does not publish counts as synced. */
  async run(kv: KvReader, config: ClusterConfig, signal: AbortSignal): Promise<void> {
    await this.#readAll(kv, config, (kind, at, inner) => kind.run(at, inner), signal);
  }

  /** The same over one connection, whose loss is thrown. */
  async follow(kv: KvReader, config: ClusterConfig, signal: AbortSignal): Promise<void> {
    await this.#readAll(kv, config, (kind, at, inner) => kind.follow(at, inner), signal);
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
    this.#deps.state.services.remote.setSlicesKnown(this.context.cluster, false);
  }

  async #readAll(
    kv: KvReader,
    config: ClusterConfig,
    read: (kind: IngestedKind, at: EntriesAt, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#kv = kv;
    this.#isCached = config.capabilities.cached;
    this.#config = config;
    this.#reads = new Map(this.kinds.map(({ name }) => [name, Promise.withResolvers<undefined>()]));
    const runs = this.kinds.map((kind) => async (inner: AbortSignal) => {
      if (!kindByName[kind.name].enabled(config)) return this.#end(kind, config, inner);
      // The first services come after the first addresses: a backend's path is there before it is chosen (I2).
      if (otherForm[kind.name] !== undefined) await Promise.race([this.#ip.firstSync, aborted(inner)]);
      if (!inner.aborted) await read(kind, this.#entriesAt(kind.name, kv, config), inner);
    });
    try {
      await runAll(runs, signal);
    } finally {
      this.#kv = undefined;
    }
  }

  /** What the cluster has come to publish in another form stays until that has been read (I4). */
  async #end(kind: IngestedKind, config: ClusterConfig, signal: AbortSignal): Promise<void> {
    const { state, clock } = this.#deps;
    const other = otherForm[kind.name];
    if (kind.name === 'endpointslices') state.services.remote.setSlicesKnown(this.context.cluster, false);
    if (other !== undefined && kindByName[other].enabled(config)) {
      kind.rest();
      await Promise.race([this.#reads.get(other)?.promise, aborted(signal)]);
      if (kind.entries > 0) await clock.sleep(handOverMs, signal);
    }
    if (!signal.aborted) kind.absent();
  }

  #synced(name: KindName): void {
    const config = this.#config;
    this.#reads.get(name)?.resolve(undefined);
    if (name === 'endpointslices' && config !== undefined && kindByName[name].enabled(config)) {
      this.#deps.state.services.remote.setSlicesKnown(this.context.cluster, true);
      // Where there is no other form, these are the services.
      if (!kindByName.services.enabled(config)) this.#deps.onSynced('services');
    }
    this.#deps.onSynced(name);
  }

  /** Slices of a cluster that publishes services too: a mirror of before may hold none of them (protocol.md §14). */
  #isOptional({ name }: IngestedKind): boolean {
    return name === 'endpointslices' && this.#config !== undefined && kindByName.services.enabled(this.#config);
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

  #ingestKind<T>(kind: Kind<T>, sink: Sink<T>): IngestedKind {
    return this.#ingest(kind.name, (name, bytes, limit) => kind.read(this.context, name, bytes, limit), sink);
  }

  #ingest<T>(kind: KindName, read: KindSource<T>['read'], sink: Sink<T>): IngestedKind {
    const source = {
      kind,
      cluster: this.context.cluster,
      read,
      sink,
      believesDeletes: this.#deps.believesDeletes,
      rejections: this.#deps.rejections,
      limit: this.#deps.limits[kind] ?? Infinity,
      onSynced: () => this.#synced(kind),
    };
    return new KindIngest<T>(source, this.#deps);
  }
}
