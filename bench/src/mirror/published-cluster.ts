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

const backendsPerService = 10;
const capabilities: ClusterCapabilities = {
  syncedCanaries: true,
  cached: false,
  maxConnectedClusters: 255,
  endpointSlicesExportMode: '',
};

/** A cluster as its apiserver publishes it; of each number there is one, always the same. */
export class PublishedCluster {
  readonly name: ClusterName;
  readonly id: ClusterId;
  readonly #size: ClusterSize;

  constructor(id: number, size: ClusterSize) {
    this.id = id as ClusterId;
    this.name = `remote-${id}` as ClusterName;
    this.#size = size;
  }

  /** Kinds that it publishes, which are those that are copied. */
  get kinds(): readonly AnyKind[] {
    return kinds.filter((kind) => kind.enabled({ id: this.id, capabilities }));
  }

  get renames(): readonly Rename[] {
    return this.kinds.map((kind) => ({ from: kind.statePrefix(this.name), to: kind.cachePrefix(this.name) }));
  }

  /** In the order of a writer: config, data, canaries, and a heartbeat. */
  *entries(nowMs: number): Generator<KvOp> {
    const { addresses, identities, services, nodes } = this.#size;
    yield put(clusterConfigKey(this.name), clusterConfigCodec.encode({ id: this.id, capabilities }));
    for (let index = 0; index < nodes; index++) yield this.#node(index);
    for (let index = 0; index < identities; index++) yield this.#identity(index);
    for (let index = 0; index < addresses; index++) yield this.#address(index);
    for (let index = 0; index < services; index++) yield this.#service(index);
    const now = Buffer.from(rfc3339(nowMs));
    for (const { stateCanary } of this.kinds) yield put(canaryKey(this.name, stateCanary), now);
    yield put(heartbeatKey, now);
  }

  #node(index: number): KvOp {
    const name = `node-${index}`;
    const value = nodeCodec.encode({
      name,
      cluster: this.name,
      ipAddresses: [{ type: 'InternalIP', ip: this.#nodeIp(index) }],
      ipv4AllocCidr: parseCidr(`10.${this.id}.${index}.0/24`) ?? null,
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
    return put(kindByName.nodes.statePrefix(this.name) + name, value);
  }

  #identity(index: number): KvOp {
    const number = this.#identityNumber(index);
    const labels = [
      { source: 'k8s', key: 'app', value: `app-${index}` },
      { source: 'k8s', key: policyClusterLabel, value: this.name },
      { source: 'k8s', key: 'io.kubernetes.pod.namespace', value: 'shop' },
    ];
    return put(`${kindByName.identities.statePrefix(this.name)}${number}`, identityCodec.encode(labels));
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
    return put(kindByName.ip.statePrefix(this.name) + ip, value);
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
    return put(`${kindByName.services.statePrefix(this.name)}shop/${name}`, value);
  }

  #identityNumber(index: number): number {
    return (this.id << 16) + 256 + index;
  }

  #podIp(index: number): string {
    return `10.${this.id}.${index >> 8}.${index & 255}`;
  }

  #nodeIp(index: number): string {
    return `172.16.${this.id}.${index + 1}`;
  }
}

function put(key: string, value: Uint8Array): KvOp {
  return { kind: 'put', key, value };
}
