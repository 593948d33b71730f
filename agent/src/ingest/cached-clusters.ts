import { every, refuse, runAll } from '@clustermesh/runtime';
import type { Decode, WatchObserver } from '@clustermesh/kvstore';
import {
  clusterConfigCodec,
  clusterConfigPrefix,
  clusterName,
  freshnessCodec,
  freshnessPrefix,
} from '@clustermesh/wire';
import type { ClusterConfig, ClusterId, ClusterName, Codec, Freshness } from '@clustermesh/wire';

import { followPrefix } from './follow-prefix.ts';
import { CachedCluster } from './cached-cluster.ts';
import type { CachedClusterDeps } from './cached-cluster.ts';
import type { RemoteCluster } from './remote-cluster.ts';
import type { RemoteClusters } from './remote-clusters.ts';

export interface CachedClustersDeps extends CachedClusterDeps {
  readonly localName: ClusterName;
  readonly localId: ClusterId;
}

const tickMs = 1_000;
/** In health: how the list of clusters in the cache is followed. */
export const cachedClustersScope = 'clusters';

/** The remote clusters whose configuration our own cache holds, each on its own (I1). */
export class CachedClusters implements RemoteClusters {
  readonly #deps: CachedClustersDeps;
  readonly #clusters = new Map<ClusterName, CachedCluster>();
  readonly #configs = new Map<ClusterName, ClusterConfig>();
  readonly #freshness = new Map<ClusterName, Freshness>();
  readonly #running = new Set<Promise<void>>();
  readonly #listed = Promise.withResolvers();
  #claimOfOurName: number | undefined;

  constructor(deps: CachedClustersDeps) {
    this.#deps = deps;
  }

  get listed(): Promise<unknown> {
    return this.#listed.promise;
  }

  get claimOfOurName(): number | undefined {
    return this.#claimOfOurName;
  }

  all(): readonly RemoteCluster[] {
    return [...this.#clusters.values()].map(({ cluster }) => cluster).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every configuration tells its id. */
  get untold(): readonly ClusterName[] {
    return [];
  }

  async run(signal: AbortSignal): Promise<void> {
    const configs = {
      name: cachedClustersScope,
      prefix: clusterConfigPrefix,
      decode: decodeNamed(clusterConfigPrefix, clusterConfigCodec),
    };
    const freshness = {
      name: 'freshness',
      prefix: freshnessPrefix,
      decode: decodeNamed(freshnessPrefix, freshnessCodec),
    };
    await runAll(
      [
        (inner) => followPrefix(configs, this.#configObserver(inner), this.#deps, inner),
        (inner) => followPrefix(freshness, this.#freshnessObserver(), this.#deps, inner),
        (inner) => every(tickMs, async () => this.#tick(), { ...this.#deps, name: 'clusters/tick' }, inner),
      ],
      signal,
    );
    await Promise.all(this.#running);
  }

  #configObserver(signal: AbortSignal): WatchObserver<ClusterConfig> {
    return {
      upserted: (key, config) => {
        const name = nameIn(clusterConfigPrefix, key);
        if (name === this.#deps.localName) {
          this.#noteOwn(config);
          return;
        }
        this.#configs.set(name, config);
        this.#cluster(name, signal).configure(config);
      },
      deleted: (key) => {
        const name = nameIn(clusterConfigPrefix, key);
        if (name === this.#deps.localName) this.#claimOfOurName = undefined;
        this.#configs.delete(name);
        this.#clusters.get(name)?.unlist();
      },
      rejected: (key, reason) => {
        this.#deps.log.warn({ key, reason }, 'cluster configuration rejected');
        const name = clusterName(key.slice(clusterConfigPrefix.length));
        if (name.ok && name.value !== this.#deps.localName) this.#cluster(name.value, signal).refuse(reason);
      },
      synced: () => this.#listed.resolve(undefined),
    };
  }

  /** Our own configuration stands beside those of the others; one that is not ours is somebody else's. */
  #noteOwn({ id, capabilities }: ClusterConfig): void {
    const isOurs = id === this.#deps.localId && !capabilities.cached;
    if (!isOurs) this.#deps.log.warn({ cluster: this.#deps.localName, id }, 'another cluster claims our name');
    this.#claimOfOurName = isOurs ? undefined : id;
  }

  /** What is listed first may have been written long ago; what comes later was written just now. */
  #freshnessObserver(): WatchObserver<Freshness> {
    let isLive = false;
    return {
      upserted: (key, freshness) => {
        const name = nameIn(freshnessPrefix, key);
        this.#deps.pulse.heard();
        this.#freshness.set(name, freshness);
        this.#clusters.get(name)?.setFreshness(freshness, isLive);
      },
      deleted: (key) => {
        const name = nameIn(freshnessPrefix, key);
        this.#freshness.delete(name);
        this.#clusters.get(name)?.freshnessVanished();
      },
      rejected: (key, reason) => this.#deps.log.warn({ key, reason }, 'freshness rejected'),
      synced: () => {
        isLive = true;
      },
    };
  }

  #cluster(name: ClusterName, signal: AbortSignal): CachedCluster {
    const known = this.#clusters.get(name);
    if (known !== undefined) return known;
    const cluster = new CachedCluster(name, this.#deps);
    const freshness = this.#freshness.get(name);
    if (freshness !== undefined) cluster.setFreshness(freshness, false);
    this.#clusters.set(name, cluster);
    const running = cluster.run(signal).finally(() => this.#ended(name, running, signal));
    this.#running.add(running);
    return cluster;
  }

  /** Listed again while it was going: it starts anew. */
  #ended(name: ClusterName, running: Promise<void>, signal: AbortSignal): void {
    this.#running.delete(running);
    if (signal.aborted) return;
    this.#clusters.delete(name);
    const config = this.#configs.get(name);
    if (config !== undefined) this.#cluster(name, signal).configure(config);
  }

  #tick(): void {
    for (const cluster of this.#clusters.values()) cluster.tick();
  }
}

/** A value under a key that ends in a cluster's name; keys that end in anything else are refused. */
function decodeNamed<T>(prefix: string, codec: Codec<T>): Decode<T> {
  return (key, bytes) => {
    const name = clusterName(key.slice(prefix.length));
    return name.ok ? codec.decode(bytes) : refuse(name.reason);
  };
}

/** Of keys that `decodeNamed` took. */
function nameIn(prefix: string, key: string): ClusterName {
  return key.slice(prefix.length) as ClusterName;
}
