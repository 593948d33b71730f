import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import type { KvOp, KvStore } from '@clustermesh/kvstore';
import { FakeClock, Health, MeshError, seededRandom, silentLogger } from '@clustermesh/runtime';
import { canaryKey, clusterConfigCodec, clusterConfigKey, clusterName, heartbeatKey, kinds } from '@clustermesh/wire';
import type { ClusterCapabilities, ClusterName } from '@clustermesh/wire';

import type { ClustersSource, RemoteConfig, RemoteFile } from '@clustermesh/remote';
import { defaultLimits } from '../limits/remote-limits.ts';
import { createKvstoremesh } from '../kvstoremesh.ts';
import type { Kvstoremesh, KvstoremeshDeps, KvstoremeshSettings } from '../kvstoremesh.ts';
import type { RemoteClusterStatus } from '../status/status.ts';

const capabilities: ClusterCapabilities = {
  syncedCanaries: true,
  cached: false,
  maxConnectedClusters: 255,
  serviceExportsEnabled: false,
  endpointSlicesExportMode: '',
};
export const settings: KvstoremeshSettings = {
  clusterName: 'local',
  clusterId: 1,
  maxConnectedClusters: 255,
  heartbeatIntervalMs: 60_000,
  contactIntervalMs: 10_000,
  drainGraceMs: 180_000,
  cacheTtlMs: 0,
  perClusterReadyTimeoutMs: 15_000,
  globalReadyTimeoutMs: 600_000,
  limits: defaultLimits,
};

/** A clusters directory without files. */
export class FakeClusters implements ClustersSource {
  #files: readonly RemoteFile[] = [];
  #changed = Promise.withResolvers<undefined>();

  set(...files: readonly RemoteFile[]): void {
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

export function name(text: string): ClusterName {
  const named = clusterName(text);
  if (!named.ok) throw new Error(named.reason);
  return named.value;
}

export function remoteFile(cluster: string, hash = '1', certificates = '1'): RemoteFile {
  const endpoints = [`https://${cluster}:2379`];
  const value: RemoteConfig = { cluster: name(cluster), endpoints, tls: undefined, hostAliases: new Map() };
  return { name: cluster, hash, certificates, config: { ok: true, value } };
}

/** The store of a remote cluster and what its apiserver would write there. */
export class FakeRemote {
  readonly server: MemoryKvServer;
  readonly cluster: ClusterName;
  readonly #clock: FakeClock;
  readonly #id: number;

  constructor(cluster: string, id: number, clock: FakeClock) {
    this.cluster = name(cluster);
    this.#id = id;
    this.#clock = clock;
    this.server = new MemoryKvServer({ clock, storeId: BigInt(1000 + id) });
  }

  put(key: string, value: string): void {
    this.apply({ kind: 'put', key, value: Buffer.from(value) });
  }

  delete(key: string): void {
    this.apply({ kind: 'delete', key });
  }

  announce(overrides: Partial<ClusterCapabilities> = {}, id = this.#id): void {
    const value = clusterConfigCodec.encode({ id, capabilities: { ...capabilities, ...overrides } });
    this.apply({ kind: 'put', key: clusterConfigKey(this.cluster), value });
  }

  /** A cluster that has published all it has: config, heartbeat, canaries. */
  publish(overrides: Partial<ClusterCapabilities> = {}): void {
    this.announce(overrides);
    this.beat();
    this.canaries();
  }

  canaries(): void {
    for (const kind of kinds) this.put(canaryKey(this.cluster, kind.stateCanary), String(this.#clock.now()));
  }

  beat(): void {
    this.put(heartbeatKey, String(this.#clock.now()));
  }

  apply(op: KvOp): void {
    this.server.apply([op], 0);
  }

  connect(): KvStore {
    if (!this.server.isUp) throw new MeshError('HOST_UNREACHABLE', `connect to ${this.cluster}`, { retryable: true });
    return new MemoryKvStore(this.server, { clock: this.#clock });
  }
}

export interface FixtureOptions {
  readonly settings?: Partial<KvstoremeshSettings>;
  readonly connect?: KvstoremeshDeps['connect'];
  readonly explain?: KvstoremeshDeps['explain'];
  /** A fixture whose stores and time go on: the process restarts. */
  readonly after?: MeshFixture;
}

/** A kvstoremesh between fake remotes and a local store in memory, on a clock that stands still. */
export class MeshFixture implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly clusters = new FakeClusters();
  readonly health: Health;
  readonly localServer: MemoryKvServer;
  readonly remotes: Map<string, FakeRemote>;
  readonly mesh: Kvstoremesh;
  /** Ops that were committed to the local store, in order: `put key` and the like. */
  readonly writes: string[] = [];
  missedHeartbeats = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor({ settings: overrides, connect, explain, after }: FixtureOptions = {}) {
    this.clock = after?.clock ?? new FakeClock();
    this.localServer = after?.localServer ?? new MemoryKvServer({ clock: this.clock });
    this.remotes = after?.remotes ?? new Map<string, FakeRemote>();
    this.health = new Health(this.clock);
    this.mesh = createKvstoremesh({
      local: this.#recording(new MemoryKvStore(this.localServer, { clock: this.clock })),
      connect: connect ?? (async ({ cluster }): Promise<KvStore> => this.remote(cluster).connect()),
      ...(explain && { explain }),
      onHeartbeatMissed: () => this.missedHeartbeats++,
      clusters: this.clusters,
      config: { ...settings, ...overrides },
      clock: this.clock,
      random: seededRandom(1),
      log: silentLogger,
      health: this.health,
    });
    this.#running = this.mesh.run(this.#stop.signal);
  }

  add(cluster: string, id: number): FakeRemote {
    const remote = new FakeRemote(cluster, id, this.clock);
    this.remotes.set(cluster, remote);
    return remote;
  }

  remote(cluster: string): FakeRemote {
    const remote = this.remotes.get(cluster);
    if (remote === undefined) throw new Error(`no remote ${cluster}`);
    return remote;
  }

  /** Lets everything come to rest; time passes only as far as told. */
  async settle(ms = 0): Promise<void> {
    await this.clock.advance(0);
    await this.clock.advance(ms);
    await this.clock.advance(0);
  }

  status(cluster: string): RemoteClusterStatus | undefined {
    return this.mesh.status().find((status) => status.name === cluster);
  }

  /** The local store's keys under `prefix` with their values as text. */
  cached(prefix: string): Record<string, string> {
    const entries = this.localServer.list(prefix);
    return Object.fromEntries(entries.map(({ key, value }) => [key, Buffer.from(value).toString()]));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #recording(store: MemoryKvStore): KvStore {
    return {
      description: store.description,
      get: (key) => store.get(key),
      watch: (prefix, options, signal) => store.watch(prefix, options, signal),
      commit: (ops) => {
        this.writes.push(...ops.map((op) => `${op.kind} ${op.kind === 'delete-prefix' ? op.prefix : op.key}`));
        return store.commit(ops);
      },
      onLeaseLost: (listener) => store.onLeaseLost(listener),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }
}
