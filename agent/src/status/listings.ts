import type { SelectedFrontend } from '@clustermesh/select';
import { formatIp, isWorldIdentity } from '@clustermesh/wire';
import type { KindName } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { backendState } from '../maps/backend.ts';
import { decodeServiceKey, encodeServiceKey } from '../maps/service.ts';
import { protocolName, protocolNumber } from '../datapath/services/protocols.ts';
import type { ServiceProgrammer } from '../datapath/services/service-programmer.ts';
import type { ServiceReconciler } from '../datapath/services/service-reconciler.ts';
import type { Published } from '../ingest/cluster-feed.ts';
import type { ClusterIds } from '../ingest/cluster-ids.ts';
import type { PolicyState } from '../policy/policy-state.ts';
import type { NodeProbe } from '../probe/node-probe.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { hostPrefix } from '../tables/prefix-index.ts';
import type {
  BackendEntry,
  IdentityEntry,
  IpcacheEntry,
  NodeEntry,
  PolicyEntry,
  ServiceEntry,
} from './agent-status.ts';
import { policyEntries } from './policy-status.ts';
import { prefixText } from './prefix-text.ts';

export interface ListingsOptions {
  readonly state: MeshState;
  readonly programmer: ServiceProgrammer;
  readonly reconciler: ServiceReconciler;
  readonly clusterIds: ClusterIds;
  readonly localClusterId: number;
  /** Of our own cluster too. */
  readonly published: (cluster: string) => Published | undefined;
  readonly nodeProbe: Pick<NodeProbe, 'reports'>;
  readonly policy: Pick<PolicyState, 'policies'>;
}

interface IpcacheSource {
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly clusterId: number;
  readonly identity: number;
  readonly nodeIndex: number;
}

/** Empty texts mean "all". */
export interface ServiceFilter {
  readonly namespace: string;
  readonly name: string;
}

/** What the tables and maps hold, entry by entry, with where each came from (I5). */
export class Listings {
  readonly #options: ListingsOptions;

  constructor(options: ListingsOptions) {
    this.#options = options;
  }

  policies(): Iterable<PolicyEntry> {
    return policyEntries(this.#options.policy.policies.values());
  }

  *services(filter: ServiceFilter): Generator<ServiceEntry> {
    for (const { row, name, frontend, key } of this.#frontends(filter)) {
      const record = this.#options.programmer.get(key);
      const { service, affinityTimeoutS } = row;
      yield {
        namespace: service.namespace,
        name: service.name,
        address: formatIp(frontend.address),
        port: frontend.port,
        protocol: frontend.protocol,
        portName: frontend.portName,
        global: service.includeExternal,
        affinity: service.affinity,
        sessionAffinitySeconds: affinityTimeoutS,
        chosen: record?.count ?? 0,
        total: record?.total ?? 0,
        serviceId: record?.serviceId ?? 0,
        sources: this.#sources(name, frontend),
        problem: this.#options.reconciler.problems.get(keyText(key)) ?? '',
      };
    }
  }

  *backends(filter: ServiceFilter): Generator<BackendEntry> {
    for (const { row, name, key } of this.#frontends(filter)) {
      const { address, port, protocol } = decodeServiceKey(key);
      const keyOf = this.#backendKeys(name);
      for (const { id, isChosen, state, backend } of this.#options.programmer.backendsOf(key)) {
        yield {
          namespace: row.service.namespace,
          name: row.service.name,
          frontend: `${hostPort(address, port)}/${protocolName(protocol)}`,
          address: formatIp(backend.address),
          port: backend.port,
          protocol: protocolName(backend.protocol),
          state: stateName(state),
          chosen: isChosen,
          backendId: id,
          cluster: this.#options.clusterIds.nameOf(backend.clusterId),
          key: keyOf(backend),
        };
      }
    }
  }

  *ipcache(cluster: string): Generator<IpcacheEntry> {
    const { state, clusterIds } = this.#options;
    const nodeNames = this.#nodeNames();
    for (const row of state.ipcache.rows()) {
      const name = clusterIds.nameOf(row.clusterId);
      if (cluster === '' || name === cluster)
        yield { ...this.#ipcacheEntry(row, nodeNames), state: row.state, reason: '' };
    }
    for (const claim of state.ipcache.conflicts()) {
      const name = clusterIds.nameOf(claim.clusterId);
      if (cluster !== '' && name !== cluster) continue;
      const reason = `held by cluster ${clusterIds.nameOf(claim.holderId)}`;
      yield { ...this.#ipcacheEntry(claim, nodeNames), state: 'conflict', reason };
    }
  }

  /** What clusters claim of an address: its own entry, else the narrowest network around it. */
  entryOf(address: Uint8Array): IpcacheEntry | undefined {
    for (let bits = hostPrefix; bits >= 0; bits--) {
      const row = this.#options.state.ipcache.find(networkOf(address, bits), bits);
      if (row !== undefined) return { ...this.#ipcacheEntry(row, this.#nodeNames()), state: row.state, reason: '' };
    }
    return undefined;
  }

  *nodes(cluster: string): Generator<NodeEntry> {
    const { state, nodeProbe } = this.#options;
    const reports = new Map(nodeProbe.reports().map((report) => [`${report.cluster}/${report.node}`, report]));
    for (const { clusterId, podCidrs, underlay, ...node } of state.nodes.rows()) {
      if (cluster !== '' && node.cluster !== cluster) continue;
      yield {
        cluster: node.cluster,
        name: node.name,
        address: underlay === undefined ? '' : formatIp(underlay),
        podCidrs: podCidrs.map((prefix) => prefixText(prefix.address, prefix.bits)),
        nodeIndex: underlay === undefined ? 0 : (state.nodeIndexes.find(underlay) ?? 0),
        key: this.#entryKey('nodes', clusterId, node.name),
        path: reports.get(`${node.cluster}/${node.name}`)?.verdict ?? '',
        rttMs: reports.get(`${node.cluster}/${node.name}`)?.rttMs ?? 0,
      };
    }
  }

  *identities(cluster: string): Generator<IdentityEntry> {
    const { state, clusterIds } = this.#options;
    const addresses = new Map<number, number>();
    for (const { identity } of state.ipcache.rows()) addresses.set(identity, (addresses.get(identity) ?? 0) + 1);
    for (const { identity, clusterId, labels } of state.identities.rows()) {
      const name = clusterIds.nameOf(clusterId);
      if (cluster !== '' && name !== cluster) continue;
      yield {
        id: identity,
        cluster: name,
        labels: labels.map(({ source, key, value }) => `${source}:${key}=${value}`),
        key: this.#entryKey('identities', clusterId, String(identity)),
        addresses: addresses.get(identity) ?? 0,
      };
    }
  }

  *#frontends(filter: ServiceFilter) {
    const { state, reconciler } = this.#options;
    for (const name of state.services.localNames()) {
      const row = state.services.local(name);
      if (row === undefined) continue;
      if (filter.namespace !== '' && row.service.namespace !== filter.namespace) continue;
      if (filter.name !== '' && row.service.name !== filter.name) continue;
      for (const frontend of reconciler.select(name)) {
        const protocol = protocolNumber(frontend.protocol);
        if (protocol !== undefined) {
          yield { row, name, frontend, key: encodeServiceKey({ ...frontend, protocol }) };
        }
      }
    }
  }

  /** One a key: a cluster may publish a service in many slices. */
  #sources(name: string, { backends }: SelectedFrontend): ServiceEntry['sources'] {
    const keyOf = this.#backendKeys(name);
    const sources = new Map<string, ServiceEntry['sources'][number]>();
    for (const backend of backends) {
      const key = keyOf(backend);
      const cluster = this.#options.clusterIds.nameOf(backend.clusterId);
      sources.set(`${cluster} ${key}`, {
        cluster,
        key,
        backends: (sources.get(`${cluster} ${key}`)?.backends ?? 0) + 1,
      });
    }
    return [...sources.values()];
  }

  /** Which entry says that an address is a backend of the service: of slices the last one that lists it. */
  #backendKeys(name: string): (backend: { readonly clusterId: number; readonly address: Uint8Array }) => string {
    const slices = new Map<string, string>();
    for (const { form, source, slices: listed } of this.#options.state.services.remote.published(name)) {
      if (form === 'services') continue;
      for (const [slice, endpoints] of listed) {
        const key = this.#entryKey('endpointslices', source.clusterId, slice);
        for (const { address } of endpoints) slices.set(`${source.clusterId} ${address}`, key);
      }
    }
    return ({ clusterId, address }) => {
      if (clusterId === this.#options.localClusterId) return `services/${name}`;
      const slice = slices.size === 0 ? undefined : slices.get(`${clusterId} ${formatIp(address)}`);
      return slice ?? this.#entryKey('services', clusterId, name);
    };
  }

  #ipcacheEntry(row: IpcacheSource, nodeNames: ReadonlyMap<number, string>): Omit<IpcacheEntry, 'state' | 'reason'> {
    const { state, clusterIds } = this.#options;
    const address = prefixText(row.address, row.prefixLength);
    return {
      address,
      identity: row.identity,
      nodeAddress: row.nodeIndex === 0 ? '' : formatIp(state.nodeIndexes.underlay(row.nodeIndex)),
      cluster: clusterIds.nameOf(row.clusterId),
      key: this.#ipcacheKey(row, address, nodeNames),
    };
  }

  /** Networks of the world are pod CIDRs, which nodes tell of. */
  #ipcacheKey(row: IpcacheSource, address: string, nodeNames: ReadonlyMap<number, string>): string {
    if (row.prefixLength === hostPrefix || !isWorldIdentity(row.identity)) {
      return this.#entryKey('ip', row.clusterId, address);
    }
    return this.#entryKey('nodes', row.clusterId, nodeNames.get(row.nodeIndex) ?? '');
  }

  #nodeNames(): ReadonlyMap<number, string> {
    const { nodes, nodeIndexes } = this.#options.state;
    const names = new Map<number, string>();
    for (const { name, underlay } of nodes.rows()) {
      const index = underlay && nodeIndexes.find(underlay);
      if (index !== undefined) names.set(index, name);
    }
    return names;
  }

  /** '' for leftovers of a cluster that nobody knows (yet). */
  #entryKey(kind: KindName, clusterId: number, name: string): string {
    const cluster = this.#options.clusterIds.nameOf(clusterId);
    if (cluster === '') return '';
    const prefix = this.#options.published(cluster)?.prefixOf(kind);
    return prefix === undefined ? '' : prefix + name;
  }
}

/** The first address of the network of so many bits around an address. */
function networkOf(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, index) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - 8 * index))));
}

function stateName(state: number): string {
  return Object.entries(backendState).find(([, value]) => value === state)?.[0] ?? '';
}

function hostPort(address: Uint8Array, port: number): string {
  const text = formatIp(address);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}
