import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvEntry } from '@clustermesh/kvstore';
import type { ClustersSource, RemoteFile } from '@clustermesh/remote';
import { MeshError } from '@clustermesh/runtime';
import type { FakeClock } from '@clustermesh/runtime';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  freshnessKey,
  heartbeatKey,
  kinds,
  syncedPrefix,
} from '@clustermesh/wire';
import type { ClusterCapabilities, ClusterName, MaxConnectedClusters } from '@clustermesh/wire';

import type { AgentDeps } from '../agent.ts';
import { World, minutes, seconds } from './world.ts';
import type { Cluster } from './world.ts';

/** Where a peer is read: its own store, as a clustermesh-apiserver or a kvstore-mode cluster fills it, or a cache. */
export type PeerForm = 'state' | 'cache';

interface Peer {
  readonly cluster: Cluster;
  readonly form: PeerForm;
  readonly server: MemoryKvServer;
}

/** A folder of cluster files, without files. */
class Files implements ClustersSource {
  #files: readonly RemoteFile[] = [];
  #changed = Promise.withResolvers<undefined>();

  set(files: readonly RemoteFile[]): void {
    this.#files = files;
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly RemoteFile[], void> {
    signal.addEventListener('abort', () => this.#changed.resolve(undefined));
    for (; !signal.aborted;) {
      const changed = this.#changed.promise;
      yield this.#files;
      await changed;
    }
  }
}

/** A world whose agents read each peer over a link of their own; what World writes of a peer goes to that peer's store. */
export class LinkWorld extends World {
  readonly #files = new Files();
  readonly #peers = new Map<string, Peer>();
  #hash = 0;
  /** Keys that the users of peers may not read. */
  readonly forbidden = new Set<string>();

  protected override readonly links: AgentDeps['links'] = {
    clusters: this.#files,
    connect: async ({ cluster }) => this.#connect(cluster),
    explain: async (_remote, error) => error,
    contactIntervalMs: 30 * seconds,
    heartbeatIntervalMs: minutes,
  };

  constructor(max: MaxConnectedClusters = 255) {
    super({}, max);
  }

  /** From now on there is a file for the cluster. */
  link(cluster: Cluster, form: PeerForm = 'state'): MemoryKvServer {
    const server = new MemoryKvServer({ clock: this.clock, storeId: BigInt(100 + cluster.id + this.#hash) });
    this.#peers.set(cluster.name, { cluster, form, server });
    this.#announce();
    return server;
  }

  /** The cluster's file cannot be used any more, for this reason. */
  spoil({ name }: Cluster, reason: string): void {
    this.#files.set([{ name, hash: reason, certificates: '', config: { ok: false, reason } }]);
  }

  unlink({ name }: Cluster): void {
    this.#peers.delete(name);
    this.#announce();
  }

  storeOf({ name }: Cluster): MemoryKvServer {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new Error(`no peer ${name}`);
    return peer.server;
  }

  beat(cluster: Cluster): void {
    this.storeOf(cluster).apply([{ kind: 'put', key: heartbeatKey, value: Buffer.from(String(this.clock.now())) }], 0);
  }

  /** Peers that live on while time passes. */
  async beatFor(ms: number, ...clusters: readonly Cluster[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 30 * seconds) {
      for (const cluster of clusters) this.beat(cluster);
      await this.settle(30 * seconds);
    }
  }

  /** What the peer says of itself, otherwise than World does. */
  async announce(cluster: Cluster, change: Partial<ClusterCapabilities>, id: number = cluster.id): Promise<void> {
    const capabilities = {
      ...{ syncedCanaries: true, cached: this.#peers.get(cluster.name)?.form === 'cache' },
      ...{ maxConnectedClusters: this.max, endpointSlicesExportMode: '', ...change },
    };
    await this.put(clusterConfigKey(cluster.name), clusterConfigCodec.encode({ id, capabilities }));
  }

  override async config(cluster: Cluster, id: number = cluster.id): Promise<void> {
    await this.announce(cluster, {}, id);
  }

  override async put(key: string, value: Uint8Array): Promise<void> {
    const peer = this.#peerOf(key);
    if (peer === undefined) await super.put(key, value);
    else peer.server.apply([{ kind: 'put', key: keyAt(peer, key), value }], 0);
  }

  override async delete(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const peer = this.#peerOf(key);
      if (peer === undefined) await super.delete(key);
      else peer.server.apply([{ kind: 'delete', key: keyAt(peer, key) }], 0);
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    for (const { server } of this.#peers.values()) server[Symbol.dispose]();
  }

  #peerOf(key: string): Peer | undefined {
    return [...this.#peers.values()].find(({ cluster: { name } }) => {
      const prefixes = [syncedPrefix(name), ...kinds.map((kind) => kind.cachePrefix(name))];
      return key === clusterConfigKey(name) || key === freshnessKey(name) || prefixes.some((p) => key.startsWith(p));
    });
  }

  #connect(cluster: ClusterName): MemoryKvStore {
    const peer = this.#peers.get(cluster);
    if (peer?.server.isUp !== true) {
      throw new MeshError('HOST_UNREACHABLE', `connect to ${cluster}`, { retryable: true });
    }
    return new GuardedStore(peer.server, this.clock, this.forbidden);
  }

  #announce(): void {
    this.#hash++;
    this.#files.set(
      [...this.#peers.values()].map(({ cluster: { name }, server }) => {
        const endpoints = [`https://${name}:2379`];
        const value = { cluster: name, endpoints, tls: undefined, hostAliases: new Map<string, readonly string[]>() };
        return { name, hash: String(server.storeId), certificates: '', config: { ok: true as const, value } };
      }),
    );
  }
}

/** A store whose user may not read some of its keys. */
class GuardedStore extends MemoryKvStore {
  readonly #forbidden: ReadonlySet<string>;

  constructor(server: MemoryKvServer, clock: FakeClock, forbidden: ReadonlySet<string>) {
    super(server, { clock });
    this.#forbidden = forbidden;
  }

  override async get(key: string): Promise<KvEntry | undefined> {
    if (this.#forbidden.has(key)) throw new MeshError('KV_PERMISSION_DENIED', `get ${key}`);
    return super.get(key);
  }
}

/** World writes of peers as a cache holds them. */
export function keyAt({ cluster: { name }, form }: Pick<Peer, 'cluster' | 'form'>, key: string): string {
  if (form === 'cache') return key;
  for (const kind of kinds) {
    const prefix = kind.cachePrefix(name);
    if (key.startsWith(prefix)) return kind.statePrefix(name) + key.slice(prefix.length);
    if (key === canaryKey(name, kind.cacheCanary)) return canaryKey(name, kind.stateCanary);
  }
  return key;
}
