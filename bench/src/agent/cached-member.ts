import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  freshnessCodec,
  freshnessKey,
  identityCodec,
  ipIdentityCodec,
  kindByName,
  kinds,
  nodeCodec,
  policyClusterLabel,
  policyServiceAccountLabel,
  podNamespaceLabel,
  namespaceLabelPrefix,
  rfc3339,
  serviceCodec,
} from '@clustermesh/wire';
import type { AnyKind, ClusterConfig, ClusterId, ClusterName, NumericIdentity } from '@clustermesh/wire';

import { namespace, serviceName } from '../restart/local-cluster.ts';
import { template } from './template.ts';

/** Of one cluster. */
export interface MemberSize {
  readonly addresses: number;
  readonly nodes: number;
  readonly identities: number;
  readonly services: number;
}

/** A key and its value, both ASCII. */
export type Entry = readonly [key: string, value: string];

const backendsPerService = 10;
/** So many clusters later the names of services begin again: a global service is in several clusters. */
const nameGroups = 20;
/** Pods of a node: a /25. */
const podRangeBits = 7;
const nodesPerMember = 512;

/** One remote cluster as our cache has it; of each number there is one, always the same. Fits in 10.ID.0.0/16. */
export class CachedMember {
  readonly name: ClusterName;
  readonly id: ClusterId;
  readonly size: MemberSize;
  readonly #slices: boolean;

  /** `slices`: instead of services, of which it then has none. */
  constructor(id: number, size: MemberSize, { slices = false } = {}) {
    this.id = id as ClusterId;
    this.name = `cluster-${id}` as ClusterName;
    this.size = size;
    this.#slices = slices;
  }

  get config(): ClusterConfig {
    const endpointSlicesExportMode = this.#slices ? 'endpointslices-only' : '';
    const capabilities = { syncedCanaries: true, cached: true, maxConnectedClusters: 255, endpointSlicesExportMode };
    return { id: this.id, capabilities };
  }

  get kinds(): readonly AnyKind[] {
    return kinds.filter((kind) => kind.enabled(this.config));
  }

  /** In the order of a mirror, but for its configuration, which comes first: nobody reads before all is there. */
  *entries(nowMs: number): Generator<Entry> {
    const at = rfc3339(nowMs);
    const { nodes, identities, addresses, services } = this.size;
    const node = nodeTemplate(this);
    for (let index = 0; index < nodes; index++) {
      const name = this.#nodeName(index);
      yield [kindByName.nodes.cachePrefix(this.name) + name, node(...this.#nodeFields(index, name))];
    }
    const identity = identityTemplate(this);
    for (let index = 0; index < identities; index++) {
      yield [kindByName.identities.cachePrefix(this.name) + String(this.#identity(index)), identity(`app-${index}`)];
    }
    const address = addressTemplate();
    for (let index = 0; index < addresses; index++) {
      const ip = this.podIp(index);
      const number = index % identities;
      const pod = `app-${number}-6d4cf56db6-${index.toString(36).padStart(5, 'x')}`;
      const fields = [ip, this.#nodeIp(index % nodes), String(this.#identity(number)), pod];
      yield [kindByName.ip.cachePrefix(this.name) + ip, address(...fields)];
    }
    if (!this.#slices) for (let index = 0; index < services; index++) yield this.#service(index);
    for (const { cacheCanary } of this.kinds) yield [canaryKey(this.name, cacheCanary), at];
    const contact = { connected: true, since: at, lastContact: at, writtenAt: at };
    const freshness = freshnessCodec.encode({ ...contact, overQuota: 0, sourceRevision: '1', storeId: this.name });
    yield [freshnessKey(this.name), text(freshness)];
    yield [clusterConfigKey(this.name), text(clusterConfigCodec.encode(this.config))];
  }

  /** Pods take turns over nodes. */
  podIp(index: number): string {
    const node = index % this.size.nodes;
    return this.#ip(node, 2 + Math.floor(index / this.size.nodes));
  }

  nodeNameOf(pod: number): string {
    return this.#nodeName(pod % this.size.nodes);
  }

  /** The node's own ones are the first of its range. */
  #ip(node: number, host: number): string {
    const at = (node << podRangeBits) + host;
    return `10.${this.id}.${at >> 8}.${at & 255}`;
  }

  #nodeName(index: number): string {
    return `ip-172-16-${this.id}-${index}.eu-west-1.compute.internal`;
  }

  #nodeIp(index: number): string {
    const at = this.id * nodesPerMember + index;
    return `100.${64 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
  }

  #nodeFields(index: number, name: string): readonly string[] {
    return [name, this.#nodeIp(index), this.#ip(index, 0), this.#ip(index, 1), String(index).padStart(12, '0')];
  }

  #identity(index: number): number {
    return (this.id << 16) + 256 + index;
  }

  #service(index: number): Entry {
    const { services, addresses } = this.size;
    const name = serviceName((this.id % nameGroups) * services + index);
    const ips = Array.from({ length: backendsPerService }, (_, at) =>
      this.podIp((index * backendsPerService + at) % addresses),
    );
    const value = serviceCodec.encode({
      ...{ cluster: this.name, clusterId: this.id, namespace, name },
      frontends: {},
      backends: Object.fromEntries(ips.map((ip) => [ip, { http: { protocol: 'TCP', port: 8080 } }])),
      hostnames: {},
      zones: {},
      labels: {},
      selector: { app: name },
      includeExternal: true,
      shared: true,
    });
    return [`${kindByName.services.cachePrefix(this.name)}${namespace}/${name}`, text(value)];
  }
}

function nodeTemplate({ name, id }: CachedMember): (...values: readonly string[]) => string {
  const holes = ['@name@', '@ip@', '@first@', '@second@', '@boot@'] as const;
  const [node, ip, first, second, boot] = holes;
  const value = nodeCodec.encode({
    name: node,
    cluster: name,
    ipAddresses: [
      { type: 'InternalIP', ip },
      { type: 'CiliumInternalIP', ip: first },
    ],
    ipv4AllocCidr: { ip: first, mask: Uint8Array.of(255, 255, 255, 128) },
    ipv4SecondaryAllocCidrs: null,
    ipv6AllocCidr: null,
    ipv6SecondaryAllocCidrs: null,
    ipv4HealthIp: second,
    ipv6HealthIp: '',
    ipv4IngressIp: '',
    ipv6IngressIp: '',
    clusterId: id,
    source: 'custom-resource',
    encryptionKey: 0,
    labels: {
      'beta.kubernetes.io/arch': 'amd64',
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': node,
      'kubernetes.io/os': 'linux',
      'node.kubernetes.io/instance-type': 'm5.xlarge',
      'topology.kubernetes.io/region': 'eu-west-1',
      'topology.kubernetes.io/zone': 'eu-west-1a',
    },
    annotations: {},
    wireguardPubKey: '',
    bootId: `4c6ac15a-92b5-4a0d-b4f1-${boot}`,
  });
  return template(text(value), holes);
}

function identityTemplate({ name }: CachedMember): (...values: readonly string[]) => string {
  const labels = {
    app: '@app@',
    [`${namespaceLabelPrefix}kubernetes.io/metadata.name`]: namespace,
    [policyClusterLabel]: name,
    [policyServiceAccountLabel]: 'default',
    [podNamespaceLabel]: namespace,
  };
  const all = Object.entries(labels).map(([key, value]) => ({ source: 'k8s', key, value }));
  return template(text(identityCodec.encode(all)), ['@app@']);
}

function addressTemplate(): (...values: readonly string[]) => string {
  const number = 4_000_000_001;
  const value = ipIdentityCodec.encode({
    ip: '@ip@',
    mask: null,
    hostIp: '@host@',
    id: number as NumericIdentity,
    key: 0,
    metadata: '',
    k8sNamespace: namespace,
    k8sPodName: '@pod@',
    k8sServiceAccount: 'default',
    namedPorts: [],
  });
  return template(text(value), ['@ip@', '@host@', String(number), '@pod@']);
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString('latin1');
}
