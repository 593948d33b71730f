import type { LocalService, RemoteService } from '@clustermesh/select';
import type { ClusterService } from '@clustermesh/wire';

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

export interface ServiceTableOptions {
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
    const services = [...(this.#remote.get(name)?.values() ?? [])];
    return services.map((service) => ({ service, usable: !this.#unusable.has(service.cluster) }));
  }

  setLocal(name: string, row: LocalServiceRow | undefined): void {
    if (row !== undefined) this.#local.set(name, row);
    else if (!this.#local.delete(name)) return;
    this.touch(name);
  }

  /** `undefined`: the cluster publishes it no more. */
  setRemote(name: string, cluster: string, service: ClusterService | undefined): void {
    const byCluster = this.#remote.get(name);
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
