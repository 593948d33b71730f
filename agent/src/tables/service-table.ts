import type { BackendPath, LocalService, RemoteService } from '@clustermesh/select';
import type { ClusterService, IpBytes } from '@clustermesh/wire';

export interface LocalServiceRow {
  readonly service: LocalService;
  /** Session affinity by client, seconds; 0 = none. */
  readonly affinityTimeoutS: number;
}

/** A service to look at again. */
export interface ServiceChange {
  /** `namespace/name`. */
  readonly name: string;
  /** Monotonic: when the oldest change that it stands for came in. */
  readonly sinceMs: number;
}

/** Knows the way to each backend of another cluster, of the services that this cluster has. */
export interface ServicePaths {
  /** A service is looked at: what was found out about its backends before is void. */
  begin(service: string): void;
  /** For the backends that the cluster lists for the service. */
  of(service: string, clusterId: number): (address: IpBytes) => BackendPath;
  /** What one cluster lists for a service has changed. */
  listed(service: string, before: ClusterService | undefined, after: ClusterService | undefined): void;
}

export interface ServiceTableOptions {
  /** Absent: every way is open. */
  readonly paths?: ServicePaths;
  readonly monotonicMs: () => number;
  readonly onChange: () => void;
}

/** Services by `namespace/name`: ours, and what other clusters publish under the same name. Level-based: changes are names. */
export class ServiceTable {
  readonly #options: ServiceTableOptions;
  readonly #local = new Map<string, LocalServiceRow>();
  readonly #remote = new Map<string, Map<string, ClusterService>>();
  readonly #unusable = new Set<string>();
  readonly #changes = new Map<string, number>();

  constructor(options: ServiceTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#local.size;
  }

  get hasChanges(): boolean {
    return this.#changes.size > 0;
  }

  local(name: string): LocalServiceRow | undefined {
    return this.#local.get(name);
  }

  /** Names of the services that this cluster has. */
  localNames(): Iterable<string> {
    return this.#local.keys();
  }

  remotes(name: string): readonly RemoteService[] {
    return [...this.#remoteOf(name)].map((service) => ({ service, usable: !this.#unusable.has(service.cluster) }));
  }

  /** The same with the ways to their backends: the service is looked at anew. */
  withPaths(name: string, remotes: readonly RemoteService[]): readonly RemoteService[] {
    const { paths } = this.#options;
    if (paths === undefined) return remotes;
    paths.begin(name);
    return remotes.map((remote) => ({ ...remote, pathTo: paths.of(name, remote.service.clusterId) }));
  }

  setLocal(name: string, row: LocalServiceRow | undefined): void {
    const isNew = !this.#local.has(name);
    if (isNew && row === undefined) return;
    if (row === undefined) this.#local.delete(name);
    else this.#local.set(name, row);
    if (isNew) for (const service of this.#remoteOf(name)) this.#options.paths?.listed(name, undefined, service);
    if (row === undefined)
      for (const service of this.#remoteOf(name)) this.#options.paths?.listed(name, service, undefined);
    this.touch(name);
  }

  /** `undefined`: the cluster publishes it no more. */
  setRemote(name: string, cluster: string, service: ClusterService | undefined): void {
    const byCluster = this.#remote.get(name);
    const before = byCluster?.get(cluster);
    if (this.#local.has(name)) this.#options.paths?.listed(name, before, service);
    if (service === undefined) {
      if (byCluster?.delete(cluster) !== true) return;
      if (byCluster.size === 0) this.#remote.delete(name);
    } else if (byCluster === undefined) {
      this.#remote.set(name, new Map([[cluster, service]]));
    } else {
      byCluster.set(cluster, service);
    }
    this.touch(name);
  }

  /** Backends of an unusable cluster are chosen only where there is nothing else (I4). */
  setUsable(cluster: string, isUsable: boolean): void {
    if (isUsable === !this.#unusable.has(cluster)) return;
    if (isUsable) this.#unusable.delete(cluster);
    else this.#unusable.add(cluster);
    for (const [name, byCluster] of this.#remote) if (byCluster.has(cluster)) this.touch(name);
  }

  /** Marks a service to be looked at again. */
  touch(name: string): void {
    if (!this.#changes.has(name)) this.#changes.set(name, this.#options.monotonicMs());
    this.#options.onChange();
  }

  #remoteOf(name: string): Iterable<ClusterService> {
    return this.#remote.get(name)?.values() ?? [];
  }

  /** Up to `limit` changes, oldest first. */
  takeChanges(limit: number): readonly ServiceChange[] {
    const taken: ServiceChange[] = [];
    for (const [name, sinceMs] of this.#changes) {
      if (taken.length === limit) break;
      this.#changes.delete(name);
      taken.push({ name, sinceMs });
    }
    return taken;
  }
}
