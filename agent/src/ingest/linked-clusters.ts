import { RemoteClusters as NamedClusters } from '@clustermesh/remote';
import type { ClustersSource } from '@clustermesh/remote';
import { every, runAll } from '@clustermesh/runtime';
import type { ClusterName } from '@clustermesh/wire';

import { LinkedCluster } from './linked-cluster.ts';
import type { LinkedClusterDeps } from './linked-cluster.ts';
import type { RemoteCluster } from './remote-cluster.ts';
import type { RemoteClusters } from './remote-clusters.ts';

export interface LinkedClustersDeps extends LinkedClusterDeps {
  readonly localName: ClusterName;
  readonly clusters: ClustersSource;
}

const tickMs = 1_000;

/** The remote clusters that have a file, each read over a link of its own (I1; protocol.md §5.8). */
export class LinkedClusters implements RemoteClusters {
  readonly #deps: LinkedClustersDeps;
  readonly #clusters: NamedClusters<LinkedCluster>;
  readonly #listed = Promise.withResolvers();

  constructor(deps: LinkedClustersDeps) {
    this.#deps = deps;
    this.#clusters = new NamedClusters({ ...deps, create: (name, file) => new LinkedCluster(name, file, deps) });
  }

  get listed(): Promise<unknown> {
    return this.#listed.promise;
  }

  /** Nobody's configuration but that of a file's cluster is read. */
  get claimOfOurName(): undefined {
    return undefined;
  }

  get untold(): readonly ClusterName[] {
    return this.#clusters.all.filter(({ hasTold }) => !hasTold).map(({ name }) => name);
  }

  all(): readonly RemoteCluster[] {
    return this.#clusters.all.map(({ cluster }) => cluster);
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) => this.#followFiles(inner),
        (inner) => every(tickMs, async () => this.#tick(), { ...this.#deps, name: 'clusters/tick' }, inner),
      ],
      signal,
    );
    await this.#clusters.ended();
  }

  async #followFiles(signal: AbortSignal): Promise<void> {
    const { clusters, health, log } = this.#deps;
    for await (const files of clusters.watch(signal)) {
      log.info({ files: files.map(({ name }) => name) }, 'clusters directory read');
      await this.#clusters.apply(files, signal);
      const misnamed = this.#clusters.misnamed.map(({ name }) => name);
      const scope = health.scope('clusters/names');
      if (misnamed.length === 0) scope.ok();
      else scope.degraded(`no cluster can be named as these files are: ${misnamed.join(', ')}`);
      this.#listed.resolve(undefined);
    }
  }

  #tick(): void {
    for (const cluster of this.#clusters.all) cluster.tick();
  }
}
