import { clusterId, validateClusterConfig } from '@clustermesh/wire';
import type { ClusterConfig, ClusterId, ClusterName, KindName, MaxConnectedClusters } from '@clustermesh/wire';

import type { MeshState } from '../tables/mesh-state.ts';
import { ClusterFeed } from './cluster-feed.ts';
import type { KindLimits } from './cluster-feed.ts';
import type { ClusterIds } from './cluster-ids.ts';
import type { ClusterWay } from './cluster-way.ts';
import type { IngestDeps } from './kind-ingest.ts';
import { Rejections } from './rejections.ts';

export interface RemoteClusterDeps extends IngestDeps {
  readonly state: MeshState;
  readonly clusterIds: ClusterIds;
  readonly maxConnectedClusters: MaxConnectedClusters;
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

/** The writer has had time to put back all it has. */
const settleMs = 60_000;

/**
 * One remote cluster, whichever way it is read: who it is, what of it is in the tables, and how it stands. Losing
 * contact with it changes nothing but what status says (I3, I4).
 */
export class RemoteCluster {
  readonly name: ClusterName;
  readonly rejections: Rejections;
  readonly way: ClusterWay;
  readonly #deps: RemoteClusterDeps;
  #claimedId: ClusterId | undefined;
  #feed: ClusterFeed | undefined;
  #loggedState = '';

  constructor(name: ClusterName, way: ClusterWay, deps: RemoteClusterDeps) {
    this.name = name;
    this.way = way;
    this.#deps = deps;
    this.rejections = new Rejections(name, deps.log);
  }

  /** Absent until its configuration is accepted. */
  get feed(): ClusterFeed | undefined {
    return this.#feed;
  }

  /** An id that it claims and another cluster has. */
  get claimedId(): ClusterId | undefined {
    return this.#claimedId;
  }

  /** How it stands and, unless all is well, why. */
  get state(): { readonly state: RemoteClusterState; readonly reason: string } {
    const feed = this.#feed;
    const { trouble, obstacle, lost } = this.way;
    if (trouble !== undefined) return trouble;
    if (feed?.hasSynced !== true) return { state: 'syncing', reason: obstacle ?? this.#missing(feed) };
    if (lost === undefined) return { state: 'ready', reason: '' };
    const use = this.#isOutdated ? '; its backends are used only where a service has no others (--stale-ttl)' : '';
    return { state: 'stale', reason: lost + use };
  }

  get standing(): Standing {
    if (this.#feed?.hasSynced !== true) return '';
    if (this.#isOutdated) return 'withdrawn';
    return this.way.lost === undefined ? 'fresh' : 'stale';
  }

  /** Of an unknown age it is never: nobody tells how long ago it was heard of. */
  get #isOutdated(): boolean {
    const { isOutOfContact, ageMs = 0 } = this.way;
    return this.#deps.ttlMs > 0 && isOutOfContact && ageMs > this.#deps.ttlMs;
  }

  /** For this reason nothing is accepted of it now. */
  refuse(reason: string): string {
    this.#claimedId = undefined;
    return reason;
  }

  /**
   * Reserves the id of a valid configuration and makes the feed, or says why not (protocol.md §5.4). What was read under
   * another id goes. Not while the feed is running.
   */
  accept(config: ClusterConfig): string | undefined {
    const invalid = validateClusterConfig(config, this.#deps.maxConnectedClusters);
    if (invalid !== undefined) return this.refuse(invalid);
    const id = clusterId(config.id, this.#deps.maxConnectedClusters);
    if (!id.ok) return this.refuse(id.reason);
    this.#claimedId = undefined;
    if (this.#feed !== undefined && this.#feed.context.clusterId !== id.value) this.remove();
    const taken = this.#deps.clusterIds.reserve(this.name, id.value);
    if (taken !== undefined) {
      this.#claimedId = id.value;
      return taken;
    }
    this.#feed ??= this.#newFeed(id.value);
    return undefined;
  }

  /** Its rows go; its id is free for another cluster. Not while the feed is running. */
  remove(): void {
    const feed = this.#feed;
    this.#feed = undefined;
    this.#deps.health.scope(`cluster/${this.name}`).remove();
    if (feed === undefined) return;
    feed.drain();
    this.#deps.clusterIds.release(this.name, feed.context.clusterId);
    this.#deps.onGone(feed.context.clusterId);
  }

  /** What time decides. Called every second or so. */
  tick(): void {
    this.#deps.state.services.remote.setUsable(this.name, !this.#isOutdated);
    const feed = this.#feed;
    if (feed !== undefined && feed.withheld > 0 && this.way.steadyMs >= settleMs) feed.applyWithheld();
    feed?.retryNoRoom();
    this.#logState();
  }

  /** Changes that an operator acts on, each once. */
  #logState(): void {
    const { state, reason } = this.state;
    if (state === this.#loggedState) return;
    this.#loggedState = state;
    this.#deps.log.info({ cluster: this.name, state, reason }, 'cluster state changed');
  }

  #newFeed(id: ClusterId): ClusterFeed {
    const { maxConnectedClusters } = this.#deps;
    return new ClusterFeed(
      'remote',
      { cluster: this.name, clusterId: id, maxConnectedClusters },
      {
        ...this.#deps,
        rejections: this.rejections,
        believesDeletes: () => !this.way.mayHaveExpired,
        onSynced: (kind) => {
          this.#deps.onSynced(id, kind);
          this.way.read?.();
        },
      },
    );
  }

  #missing(feed: ClusterFeed | undefined): string {
    const kinds = feed?.kinds.filter((kind) => !kind.hasSynced).map((kind) => kind.name) ?? [];
    return kinds.length === 0 ? 'waiting for its configuration' : `waiting for ${kinds.join(', ')}`;
  }
}
