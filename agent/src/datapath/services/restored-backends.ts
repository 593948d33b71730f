import type { LocalService, RemoteService } from '@clustermesh/select';
import { parseIp, formatIp } from '@clustermesh/wire';
import type { ClusterService, L4Addr } from '@clustermesh/wire';

import { keyText } from '../../maps/address.ts';
import type { BackendRecord } from '../../maps/backend.ts';
import { encodeServiceKey } from '../../maps/service.ts';
import { protocolNumber } from './protocols.ts';

/**
 * Backends of other clusters that a predecessor programmed. They stand in for what their cluster publishes until it
 * has been read again, so that a restart never empties a service (I4, I7).
 */
export class RestoredBackends {
  /** Frontend key → backends of other clusters. */
  readonly #byFrontend = new Map<string, BackendRecord[]>();
  /** Cluster id → services that were given its restored backends. */
  readonly #users = new Map<number, Set<string>>();

  add(frontendKey: Uint8Array, backend: BackendRecord): void {
    const backends = this.#byFrontend.get(keyText(frontendKey));
    if (backends === undefined) this.#byFrontend.set(keyText(frontendKey), [backend]);
    else backends.push(backend);
    if (!this.#users.has(backend.clusterId)) this.#users.set(backend.clusterId, new Set());
  }

  /** Clusters that have not been read again yet. */
  get clusterIds(): readonly number[] {
    return [...this.#users.keys()];
  }

  /** What they stand for, in the shape in which clusters publish services. */
  remotes(name: string, local: LocalService): readonly RemoteService[] {
    if (this.#users.size === 0) return [];
    const ports = new Map<number, Record<string, Record<string, L4Addr>>>();
    for (const { key, portName, protocol } of frontendKeys(local)) {
      for (const backend of this.#byFrontend.get(keyText(key)) ?? []) {
        const users = this.#users.get(backend.clusterId);
        if (users === undefined) continue;
        users.add(name);
        const byIp = ports.get(backend.clusterId) ?? {};
        ports.set(backend.clusterId, byIp);
        const byName = (byIp[formatIp(backend.address)] ??= {});
        byName[portName] = { protocol, port: backend.port };
      }
    }
    return [...ports].map(([clusterId, backends]) => ({
      service: asService(local, clusterId, backends),
      usable: true,
    }));
  }

  /** The cluster speaks for itself from now on. Returns the services to look at again. */
  settle(clusterId: number): Iterable<string> {
    const users = this.#users.get(clusterId) ?? [];
    this.#users.delete(clusterId);
    if (this.#users.size === 0) this.#byFrontend.clear();
    return users;
  }
}

function* frontendKeys(
  local: LocalService,
): Generator<{ readonly key: Uint8Array; readonly portName: string; readonly protocol: string }> {
  for (const text of local.clusterIps) {
    const address = parseIp(text);
    if (address === undefined) continue;
    for (const { name: portName = '', protocol = 'TCP', port } of local.ports) {
      const number = protocolNumber(protocol);
      if (number !== undefined)
        yield { key: encodeServiceKey({ address, port, protocol: number }), portName, protocol };
    }
  }
}

function asService(local: LocalService, clusterId: number, backends: ClusterService['backends']): ClusterService {
  return {
    cluster: '',
    namespace: local.namespace,
    name: local.name,
    frontends: {},
    backends,
    hostnames: {},
    zones: {},
    labels: {},
    selector: {},
    includeExternal: true,
    shared: true,
    clusterId,
  };
}
