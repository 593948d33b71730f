import type { LocalService, PublishedEndpoint, RemoteService } from '@clustermesh/select';
import { parseIp, formatIp } from '@clustermesh/wire';

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

  /** Every cluster that left something has been read again, or given up. */
  get isSettled(): boolean {
    return this.#users.size === 0;
  }

  /** Clusters that have not been read again yet. */
  get clusterIds(): readonly number[] {
    return [...this.#users.keys()];
  }

  /** What they stand for, as if their clusters published it. */
  remotes(name: string, local: LocalService): readonly RemoteService[] {
    if (this.isSettled) return [];
    const restored = new Map<number, PublishedEndpoint[]>();
    for (const { key, portName, protocol } of frontendKeys(local)) {
      for (const backend of this.#byFrontend.get(keyText(key)) ?? []) {
        const users = this.#users.get(backend.clusterId);
        if (users === undefined) continue;
        users.add(name);
        const endpoints = restored.get(backend.clusterId) ?? [];
        restored.set(backend.clusterId, endpoints);
        endpoints.push({
          address: formatIp(backend.address),
          ports: [{ name: portName, protocol, port: backend.port }],
          state: 'active',
          zone: '',
          forZones: noZones,
        });
      }
    }
    return [...restored].map(([clusterId, endpoints]) => ({ cluster: '', clusterId, endpoints, usable: true }));
  }

  /** The cluster speaks for itself from now on. Returns the services to look at again. */
  settle(clusterId: number): Iterable<string> {
    const users = this.#users.get(clusterId) ?? [];
    this.#users.delete(clusterId);
    if (this.isSettled) this.#byFrontend.clear();
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

const noZones: readonly string[] = [];
