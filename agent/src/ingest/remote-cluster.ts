import { isAborted } from '@clustermesh/runtime';
import { clusterId, validateClusterConfig } from '@clustermesh/wire';
import type {
  ClusterConfig,
  ClusterId,
  ClusterName,
  Freshness,
  KindName,
  MaxConnectedClusters,
} from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { ClusterFeed } from './cluster-feed.ts';
import type { KindLimits } from './cluster-feed.ts';
import type { ClusterIds } from './cluster-ids.ts';
import { ContactAge } from './contact-age.ts';
import type { IngestDeps } from './kind-ingest.ts';
import type { MirrorPulse } from './mirror-pulse.ts';
import { Rejections } from './rejections.ts';

export interface RemoteClusterDeps extends IngestDeps {
  readonly state: MeshState;
  readonly clusterIds: ClusterIds;
  readonly maxConnectedClusters: MaxConnectedClusters;
  readonly pulse: MirrorPulse;
  /** Older than this, its backends are chosen only where there are no others (I4); 0 = never. */
  readonly ttlMs: number;
  readonly limits: KindLimits;
  /** All that this cluster has of a kind is in the tables. */
  readonly onSynced: (clusterId: ClusterId, kind: KindName) => void;
  /** It was removed and its rows are gone. */
  readonly onGone: (clusterId: ClusterId) => void;
}

/**
 * What the datapath does with a cluster's backends. `fresh` and `stale`: it uses them, though of stale ones nobody knows
 * whether they are still there; `withdrawn`: only where a service has no others (I4); '': it has none.
 */
export type Standing = 'fresh' | 'stale' | 'withdrawn' | '';

export type RemoteClusterState = 'refused' | 'syncing' | 'ready' | 'stale' | 'leaving';

/** A refused cluster may become acceptable without a change of its own: the id's holder may leave. */
const refusedRetryMs = 5_000;
/** The mirror has had time to put back all it has. */
const settleMs = 60_000;
/** Mirrors write more often than this: an age below it says nothing. */
const beatMs = 30_000;
/** A cluster that a living mirror says nothing of any more; longer than the mirror's own removal takes. */
const departedMs = 300_000;

/**
 * One remote cluster as our own cache holds it. Its configuration decides whether and how it is followed; losing
 * contact with it or with its mirror changes nothing but what status says (I3, I4).
 */
export class RemoteCluster {
  readonly name: ClusterName;
  readonly rejections: Rejections;
  readonly #deps: RemoteClusterDeps;
  #config: ClusterConfig | undefined;
  #unlistedSinceMs: number | undefined;
  #isGone = false;
  /** The newest configuration cannot be read. */
  #unreadable: string | undefined;
  #refusal: string | undefined;
  #claimedId: ClusterId | undefined;
  readonly #contact: ContactAge;
  #feed: ClusterFeed | undefined;
  #round = new AbortController();
  #loggedState = '';

  constructor(name: ClusterName, deps: RemoteClusterDeps) {
    this.name = name;
    this.#deps = deps;
    this.rejections = new Rejections(name, deps.log);
    this.#contact = new ContactAge(deps.clock);
  }

  get feed(): ClusterFeed | undefined {
    return this.#feed;
  }

  /** An id that it claims and another cluster has. */
  get claimedId(): ClusterId | undefined {
    return this.#claimedId;
  }

  get contact(): Pick<ContactAge, 'freshness' | 'ms'> {
    return this.#contact;
  }

  /** How it stands and, unless all is well, why. */
  get state(): { readonly state: RemoteClusterState; readonly reason: string } {
    const feed = this.#feed;
    const refusal = this.#unreadable ?? this.#refusal;
    if (this.#unlistedSinceMs !== undefined) return { state: 'leaving', reason: 'its configuration left our cache' };
    if (refusal !== undefined) return { state: 'refused', reason: refusal };
    if (feed?.hasSynced !== true) return { state: 'syncing', reason: this.#missing(feed) };
    const lost = this.#lostContact;
    if (lost === undefined) return { state: 'ready', reason: '' };
    const use = this.#isOutdated ? '; its backends are used only where a service has no others (--stale-ttl)' : '';
    return { state: 'stale', reason: lost + use };
  }

  get standing(): Standing {
    if (this.#feed?.hasSynced !== true) return '';
    if (this.#isOutdated) return 'withdrawn';
    return this.#lostContact === undefined ? 'fresh' : 'stale';
  }

  /** Why nobody knows how the cluster is now; `undefined` when it is known. */
  get #lostContact(): string | undefined {
    const { freshness, hasVanished } = this.#contact;
    if (freshness?.connected === false) return `no contact with the cluster since ${freshness.since}`;
    if (hasVanished) return 'its mirror tells nothing of it any more';
    if (this.#deps.pulse.isSilent) return 'the mirror that fills our cache is silent';
    return this.#feed?.isLive === false ? 'no contact with our own cache' : undefined;
  }

  /** Of an unknown age it is never: its mirror is one that does not tell. */
  get #isOutdated(): boolean {
    const ageMs = this.#contact.ms ?? 0;
    const isLost = this.#contact.freshness?.connected === false || this.#contact.hasVanished || ageMs > beatMs;
    return this.#deps.ttlMs > 0 && isLost && ageMs > this.#deps.ttlMs;
  }

  configure(config: ClusterConfig): void {
    this.#config = config;
    this.#unreadable = undefined;
    this.#unlistedSinceMs = undefined;
    this.#round.abort();
  }

  /** Its configuration cannot be read: a followed cluster is followed on as before. */
  refuse(reason: string): void {
    this.#unreadable = reason;
    this.#unlistedSinceMs = undefined;
  }

  unlist(): void {
    this.#unlistedSinceMs = this.#deps.clock.monotonicMs();
  }

  /** `isLive`: written just now, not before we began to read. */
  setFreshness(freshness: Freshness, isLive: boolean): void {
    this.#contact.heard(freshness, isLive);
  }

  freshnessVanished(): void {
    this.#contact.vanished();
  }

  /** Until abort, or until the cluster was removed and nothing of it is left. */
  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal) && !this.#isGone) {
      this.#round = new AbortController();
      await this.#follow(AbortSignal.any([signal, this.#round.signal]));
    }
    if (!this.#isGone) return;
    this.#removeFeed();
    this.#deps.log.info({ cluster: this.name }, 'cluster removed');
  }

  /** What time decides. Called every second or so. */
  tick(): void {
    const { pulse, state } = this.#deps;
    const feed = this.#feed;
    state.services.setUsable(this.name, !this.#isOutdated);
    const isMirrored = this.#contact.freshness?.connected !== false && pulse.steadyMs >= settleMs;
    if (feed !== undefined && feed.withheld > 0 && isMirrored) feed.applyWithheld();
    feed?.retryNoRoom();
    this.#logState();
    if (this.#unlistedSinceMs === undefined) return;
    if (feed === undefined || feed.entries === 0 || this.#hasDeparted(this.#unlistedSinceMs)) {
      this.#isGone = true;
      this.#round.abort();
    }
  }

  /** Changes that an operator acts on, each once. */
  #logState(): void {
    const { state, reason } = this.state;
    if (state === this.#loggedState) return;
    this.#loggedState = state;
    this.#deps.log.info({ cluster: this.name, state, reason }, 'cluster state changed');
  }

  /** We were away while the mirror removed it: a living mirror that says nothing of it is proof enough. */
  #hasDeparted(unlistedSinceMs: number): boolean {
    const { pulse, clock } = this.#deps;
    const forMs = Math.min(pulse.steadyMs, clock.monotonicMs() - unlistedSinceMs);
    return !this.#isMentioned && forMs >= departedMs;
  }

  get #isMentioned(): boolean {
    return this.#contact.freshness !== undefined && !this.#contact.hasVanished;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const config = this.#config;
    const scope = this.#deps.health.scope(`cluster/${this.name}`);
    this.#refusal = config === undefined ? 'its configuration is not known' : this.#accept(config);
    if (this.#refusal !== undefined || config === undefined || this.#feed === undefined) {
      scope.degraded(this.#refusal ?? '');
      await this.#deps.clock.sleep(refusedRetryMs, signal);
      return;
    }
    scope.ok();
    await this.#feed.run(config, signal);
  }

  /** Makes the feed for a configuration, or says why not (protocol.md §5.4). */
  #accept(config: ClusterConfig): string | undefined {
    this.#claimedId = undefined;
    const invalid = validateClusterConfig(config, this.#deps.maxConnectedClusters);
    if (invalid !== undefined) return invalid;
    if (!config.capabilities.cached) return 'its configuration in our cache is not that of a cache';
    const id = clusterId(config.id, this.#deps.maxConnectedClusters);
    if (!id.ok) return id.reason;
    if (this.#feed !== undefined && this.#feed.context.clusterId !== id.value) this.#removeFeed();
    const taken = this.#deps.clusterIds.reserve(this.name, id.value);
    if (taken !== undefined) {
      this.#claimedId = id.value;
      return taken;
    }
    this.#feed ??= this.#newFeed(id.value);
    return undefined;
  }

  #newFeed(id: ClusterId): ClusterFeed {
    const { maxConnectedClusters } = this.#deps;
    return new ClusterFeed(
      'cache',
      { cluster: this.name, clusterId: id, maxConnectedClusters },
      {
        ...this.#deps,
        rejections: this.rejections,
        believesDeletes: () => !this.#mayHaveExpired(),
        onSynced: (kind) => this.#deps.onSynced(id, kind),
      },
    );
  }

  /**
   * The mirror speaks as long as it lives and has contact. In its silence deletes may be its leases running out,
   * unless it had lost the cluster and then removed it: the configuration goes first.
   */
  #mayHaveExpired(): boolean {
    const isConnected = this.#isMentioned && this.#contact.freshness?.connected === true;
    const isRemoval = this.#unlistedSinceMs !== undefined && !isConnected;
    return this.#deps.pulse.isSilent && !isRemoval;
  }

  /** Its rows go; its id is free for another cluster. */
  #removeFeed(): void {
    const feed = this.#feed;
    this.#feed = undefined;
    this.#deps.health.scope(`cluster/${this.name}`).remove();
    if (feed === undefined) return;
    feed.drain();
    this.#deps.clusterIds.release(this.name, feed.context.clusterId);
    this.#deps.onGone(feed.context.clusterId);
  }

  #missing(feed: ClusterFeed | undefined): string {
    const kinds = feed?.kinds.filter((kind) => !kind.hasSynced).map((kind) => kind.name) ?? [];
    return kinds.length === 0 ? 'waiting for its configuration' : `waiting for ${kinds.join(', ')}`;
  }
}
