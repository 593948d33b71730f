import type { BackendPath, ClientNode, LocalService, PublishedEndpoint, RemoteService } from '@clustermesh/select';
import type { IpBytes } from '@clustermesh/wire';

import { RemoteServices } from './remote-services.ts';

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
  /** Only what is at these addresses has changed; `undefined`: anything may have. */
  readonly addresses?: ReadonlySet<string> | undefined;
}

interface Pending {
  readonly sinceMs: number;
  addresses: Set<string> | undefined;
}

/** Knows the way to each backend of another cluster, of the services that this cluster has. */
export interface ServicePaths {
  /** A service is looked at: what was found out about its backends before is void. */
  begin(service: string): void;
  /** For the backends that the cluster lists for the service. */
  of(service: string, clusterId: number): (address: IpBytes) => BackendPath;
  /** Are some of its backends at addresses of other clusters? */
  hasForeign(service: string): boolean;
  /** What one value of a cluster lists for a service has changed. */
  listed(service: string, before: readonly PublishedEndpoint[], after: readonly PublishedEndpoint[]): void;
}

export interface ServiceTableOptions {
  /** Whose clients choose backends; absent: a node that has no endpoint of its own. */
  readonly nodeName?: string;
  /** Absent: every way is open. */
  readonly paths?: ServicePaths;
  readonly monotonicMs: () => number;
  readonly onChange: () => void;
}

/** Services by `namespace/name`: ours, and what other clusters publish under the same name. Level-based: changes are names. */
export class ServiceTable {
  readonly remote: RemoteServices;
  readonly #options: ServiceTableOptions;
  readonly #local = new Map<string, LocalServiceRow>();
  readonly #changes = new Map<string, Pending>();
  #client: ClientNode;

  constructor(options: ServiceTableOptions) {
    this.#options = options;
    this.#client = { name: options.nodeName ?? '', zone: '' };
    this.remote = new RemoteServices({
      ...options,
      onChange: (name, addresses) => this.touch(name, addresses),
      onListed: (name, before, after) => {
        if (this.#local.has(name)) options.paths?.listed(name, before, after);
      },
    });
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

  /** With the ways to their backends: the service is looked at anew, unless only some of its addresses are. */
  withPaths(name: string, remotes: readonly RemoteService[], isWhole = true): readonly RemoteService[] {
    const { paths } = this.#options;
    if (paths === undefined) return remotes;
    if (isWhole) paths.begin(name);
    return remotes.map((remote) => ({ ...remote, pathTo: paths.of(name, remote.clusterId) }));
  }

  /** May addresses of the service be looked at by themselves? What counts of foreign ones is counted all together. */
  mayUpdate(name: string): boolean {
    return this.#options.paths?.hasForeign(name) !== true;
  }

  /** `addresses`: nothing else of it has changed. */
  setLocal(name: string, row: LocalServiceRow | undefined, addresses?: ReadonlySet<string>): void {
    const isNew = !this.#local.has(name);
    if (isNew && row === undefined) return;
    if (row === undefined) this.#local.delete(name);
    else this.#local.set(name, row);
    if (isNew || row === undefined) this.#tellPaths(name, isNew);
    if (row === undefined) this.#options.paths?.begin(name);
    this.touch(name, isNew ? undefined : addresses);
  }

  /** This node. */
  get client(): ClientNode {
    return this.#client;
  }

  /** In which zone this node is decides for services that prefer it. */
  setZone(zone: string): void {
    if (zone === this.#client.zone) return;
    this.#client = { ...this.#client, zone };
    for (const [name, { service }] of this.#local) if (service.traffic === 'same-zone') this.touch(name);
  }

  /** Marks a service to be looked at again, or only what is at some addresses. */
  touch(name: string, addresses?: ReadonlySet<string>): void {
    const pending = this.#changes.get(name);
    if (pending === undefined) {
      const sinceMs = this.#options.monotonicMs();
      this.#changes.set(name, { sinceMs, addresses: addresses && new Set(addresses) });
    } else if (addresses === undefined) {
      pending.addresses = undefined;
    } else {
      for (const address of addresses) pending.addresses?.add(address);
    }
    this.#options.onChange();
  }

  /** Addresses matter as long as there is a service of ours that they answer for. */
  #tellPaths(name: string, isNew: boolean): void {
    for (const { entry = [], slices } of this.remote.published(name)) {
      for (const endpoints of [entry, ...slices.values()]) {
        this.#options.paths?.listed(name, isNew ? [] : endpoints, isNew ? endpoints : []);
      }
    }
  }

  /** Up to `limit` changes, oldest first. */
  takeChanges(limit: number): readonly ServiceChange[] {
    const taken: ServiceChange[] = [];
    for (const [name, pending] of this.#changes) {
      if (taken.length === limit) break;
      this.#changes.delete(name);
      taken.push({ name, ...pending });
    }
    return taken;
  }
}
