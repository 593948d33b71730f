import type { KvOp } from '@clustermesh/kvstore';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  heartbeatKey,
  identityCodec,
  ipIdentityCodec,
  kindByName,
  kinds,
  nodeCodec,
  parseCidr,
  policyClusterLabel,
  rfc3339,
  serviceCodec,
} from '@clustermesh/wire';
import type { AnyKind, ClusterCapabilities, ClusterId, ClusterName, NumericIdentity } from '@clustermesh/wire';

import type { Rename } from '../../floors/mirror.ts';

export interface ClusterSize {
  readonly addresses: number;
  readonly identities: number;
  readonly services: number;
  readonly nodes: number;
}

/** By whom it is published, and in a mesh of which size. */
export interface Publication {
  readonly mesh?: 255 | 511;
  /** By the cache of another cluster, and not by its own apiserver. */
  readonly cached?: boolean;
}

const backendsPerService = 10;

/** A cluster as its apiserver, or a cache, publishes it; of each number there is one, always the same. */
export class PublishedCluster {
  readonly name: ClusterName;
  readonly id: ClusterId;
  readonly #size: ClusterSize;
  readonly #capabilities: ClusterCapabilities;
  readonly #identityBits: number;

  constructor(id: number, size: ClusterSize, { mesh = 255, cached = false }: Publication = {}) {
    this.id = id as ClusterId;
    this.name = `remote-${id}` as ClusterName;
    this.#size = size;
    const maxConnectedClusters = mesh;
    this.#capabilities = { syncedCanaries: true, cached, maxConnectedClusters, endpointSlicesExportMode: '' };
    this.#identityBits = mesh === 255 ? 16 : 15;
  }

  /** Kinds that it publishes, which are those that are copied. */
  get kinds(): readonly AnyKind[] {
    return kinds.filter((kind) => kind.enabled({ id: this.id, capabilities: this.#capabilities }));
  }

  get renames(): readonly Rename[] {
    return this.kinds.map((kind) => ({ from: this.prefixOf(kind), to: kind.cachePrefix(this.name) }));
  }

  /** Where its entries stand. */
  prefixOf(kind: AnyKind): string {
    return this.#capabilities.cached ? kind.cachePrefix(this.name) : kind.statePrefix(this.name);
  }

  /** In the order of a writer: config, data, canaries, and a heartbeat. */
  *entries(nowMs: number): Generator<KvOp> {
    const { addresses, identities, services, nodes } = this.#size;
    yield put(
      clusterConfigKey(this.name),
      clusterConfigCodec.encode({ id: this.id, capabilities: this.#capabilities }),
    );
    for (let index = 0; index < nodes; index++) yield this.#node(index);
    for (let index = 0; index < identities; index++) yield this.#identity(index);
    for (let index = 0; index < addresses; index++) yield this.#address(index);
    for (let index = 0; index < services; index++) yield this.#service(index);
    const now = Buffer.from(rfc3339(nowMs));
    for (const { stateCanary, cacheCanary } of this.kinds) {
      yield put(canaryKey(this.name, this.#capabilities.cached ? cacheCanary : stateCanary), now);
    }
    yield put(heartbeatKey, now);
  }

  #node(index: number): KvOp {
    const name = `node-${index}`;
    const value = nodeCodec.encode({
      name,
      cluster: this.name,
      ipAddresses: [{ type: 'InternalIP', ip: this.#nodeIp(index) }],
      ipv4AllocCidr: parseCidr(`${this.#network(10)}.${index}.0/24`) ?? null,
      ipv4SecondaryAllocCidrs: null,
      ipv6AllocCidr: null,
      ipv6SecondaryAllocCidrs: null,
      ipv4HealthIp: '',
      ipv6HealthIp: '',
      ipv4IngressIp: '',
      ipv6IngressIp: '',
      clusterId: this.id,
      source: 'custom-resource',
      encryptionKey: 0,
      labels: {},
      annotations: {},
      wireguardPubKey: '',
      bootId: '',
    });
    return put(this.prefixOf(kindByName.nodes) + name, value);
  }

  #identity(index: number): KvOp {
    const number = this.#identityNumber(index);
    const labels = [
      { source: 'k8s', key: 'app', value: `app-${index}` },
      { source: 'k8s', key: policyClusterLabel, value: this.name },
      { source: 'k8s', key: 'io.kubernetes.pod.namespace', value: 'shop' },
    ];
    return put(`${this.prefixOf(kindByName.identities)}${number}`, identityCodec.encode(labels));
  }

  #address(index: number): KvOp {
    const ip = this.#podIp(index);
    const value = ipIdentityCodec.encode({
      ip,
      mask: null,
      hostIp: this.#nodeIp(index % this.#size.nodes),
      id: this.#identityNumber(index % this.#size.identities) as NumericIdentity,
      key: 0,
      metadata: '',
      k8sNamespace: 'shop',
      k8sPodName: `web-6d4cf56db6-${index}`,
      k8sServiceAccount: 'default',
      namedPorts: [],
    });
    return put(this.prefixOf(kindByName.ip) + ip, value);
  }

  #service(index: number): KvOp {
    const name = `service-${index}`;
    const ips = Array.from({ length: backendsPerService }, (_, at) =>
      this.#podIp((index * backendsPerService + at) % this.#size.addresses),
    );
    const value = serviceCodec.encode({
      cluster: this.name,
      namespace: 'shop',
      name,
      frontends: {},
      backends: Object.fromEntries(ips.map((ip) => [ip, { http: { protocol: 'TCP', port: 8080 } }])),
      hostnames: {},
      zones: {},
      labels: {},
      selector: {},
      includeExternal: true,
      shared: true,
      clusterId: this.id,
    });
    return put(`${this.prefixOf(kindByName.services)}shop/${name}`, value);
  }

  #identityNumber(index: number): number {
    return (this.id << this.#identityBits) + 256 + index;
  }

  #podIp(index: number): string {
    return `${this.#network(10)}.${index >> 8}.${index & 255}`;
  }

  #nodeIp(index: number): string {
    return `${this.#network(172)}.${index}.1`;
  }

  /** The first two bytes of its addresses. */
  #network(first: number): string {
    return `${first + (this.id >> 8)}.${this.id & 255}`;
  }
}

function put(key: string, value: Uint8Array): KvOp {
  return { kind: 'put', key, value };
}
