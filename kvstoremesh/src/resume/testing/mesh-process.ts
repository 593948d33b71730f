import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { Health, silentLogger as log, systemClock, systemRandom as random } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import type { ClustersSource, RemoteFile } from '@clustermesh/remote';

import { createKvstoremesh } from '../../kvstoremesh.ts';
import type { Kvstoremesh, KvstoremeshSettings } from '../../kvstoremesh.ts';
import { FakeClusters, remoteFile, settings } from '../../testing/mesh-fixture.ts';
import type { RemoteClusterStatus } from '../../status/status.ts';

/** Where a process reads and writes. */
export interface MeshPlace {
  readonly local: KvStore;
  /** Of the source's etcd, or of a proxy before it. */
  readonly sourcePort: number;
  readonly clock: Clock;
  readonly settings?: Partial<KvstoremeshSettings>;
  /** Instead of what `follow` says. */
  readonly clusters?: ClustersSource;
  readonly connect?: (signal: AbortSignal) => Promise<KvStore>;
}

/** Longer than a test may take on a busy machine by a clock that runs ahead: most sources here beat only once. */
const heartbeatIntervalMs = 24 * 3_600_000;

/** A kvstoremesh that can be killed: nothing that it says afterwards reaches a store that its owner has cut off. */
export class MeshProcess {
  readonly #clusters = new FakeClusters();
  readonly mesh: Kvstoremesh;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #local: KvStore;

  constructor({ local, sourcePort, clock, clusters, connect, settings: overrides }: MeshPlace) {
    const options = { endpoints: [`http://127.0.0.1:${sourcePort}`], session: false };
    const deps = { clock: systemClock, random, log };
    this.#local = local;
    this.mesh = createKvstoremesh({
      ...{ clock, random, log, local, health: new Health(clock), clusters: clusters ?? this.#clusters },
      config: { ...settings, heartbeatIntervalMs, ...overrides },
      connect: (_remote, signal) => connect?.(signal) ?? EtcdKvStore.open(options, deps, signal),
    });
    this.#running = this.mesh.run(this.#stop.signal);
  }

  follow(...files: readonly (string | RemoteFile)[]): void {
    this.#clusters.set(...files.map((file) => (typeof file === 'string' ? remoteFile(file) : file)));
  }

  status(cluster: string): RemoteClusterStatus | undefined {
    return this.mesh.status().find(({ name }) => name === cluster);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#local[Symbol.asyncDispose]();
  }
}
