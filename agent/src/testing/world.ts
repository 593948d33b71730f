import { endpointSlices, namespaces, pods, services } from '@clustermesh/kube';
import type { EndpointSlice, Pod, Service } from '@clustermesh/kube';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import {
  canaryKey,
  clusterConfigCodec,
  clusterConfigKey,
  formatIp,
  freshnessCodec,
  freshnessKey,
  identityCodec,
  ipIdentityCodec,
  ipMask,
  kindByName,
  nodeCodec,
  parseLabel,
  rfc3339,
  serviceCodec,
} from '@clustermesh/wire';
import type {
  ClusterId,
  ClusterName,
  Freshness,
  IpIdentity,
  KindName,
  MaxConnectedClusters,
  MeshNode,
} from '@clustermesh/wire';

import { createAgent } from '../agent.ts';
import type { Agent, AgentDeps } from '../agent.ts';
import { noDevices } from '../datapath/endpoints/devices.ts';
import { noSockets } from '../datapath/services/sockets.ts';
import type { AgentSettings } from '../settings.ts';
import type { ClusterStatus, IpcacheEntry } from '../status/agent-status.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../maps/datapath-maps.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import { decodeEndpoint } from '../maps/endpoint.ts';

export const west = { name: 'west' as ClusterName, id: 1 as ClusterId };
export const east = { name: 'east' as ClusterName, id: 2 as ClusterId };
export const north = { name: 'north' as ClusterName, id: 3 as ClusterId };
export type Cluster = typeof west;

const sizes = {
  ...defaultMapSizes,
  svc: 64,
  slot: 256,
  backend: 256,
  node: 64,
  probe: 64,
  ipc_host: 256,
  ipc_cidr: 64,
  policy: 256,
  policy_len: 256,
};
export const seconds = 1_000;
export const minutes = 60 * seconds;
export const agentKinds: readonly KindName[] = ['nodes', 'identities', 'ip', 'services'];

/** Identity number `local` of a cluster, in a mesh of 255 by default. */
export const identityOf = (cluster: Cluster, local = 1, max: MaxConnectedClusters = 255): number =>
  cluster.id * (max === 255 ? 65_536 : 32_768) + local;
const octet = ({ id }: Cluster): number => id % 256;
export const podIp = (cluster: Cluster, pod: number): string => `10.${octet(cluster)}.1.${pod}`;
export const nodeIp = (cluster: Cluster): string => `172.30.${octet(cluster)}.11`;

/** The store of cluster west, its Kubernetes API, and agents over one set of maps. */
export class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly server = new MemoryKvServer({ clock: this.clock });
  readonly kubeStore = new KubeApiStore({ clock: this.clock, random: seededRandom(1) });
  readonly kube = this.kubeStore.client();
  readonly maps: DatapathMaps;
  readonly #writer = new MemoryKvStore(this.server, { clock: this.clock, leaseTtlSeconds: 1_000_000 });
  readonly #running = new Map<Agent, { readonly stop: AbortController; readonly done: Promise<void> }>();

  readonly max: MaxConnectedClusters;
  /** How agents reach other clusters by themselves. */
  protected readonly links: AgentDeps['links'] = undefined;

  constructor(changedSizes: Partial<typeof sizes> = {}, max: MaxConnectedClusters = 255) {
    this.maps = memoryDatapathMaps({ ...sizes, ...changedSizes });
    this.max = max;
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#writer.commit([{ kind: 'put', key, value }]);
  }

  async delete(...keys: readonly string[]): Promise<void> {
    await this.#writer.commit(keys.map((key) => ({ kind: 'delete', key })));
  }

  async deletePrefix(prefix: string): Promise<void> {
    await this.#writer.commit([{ kind: 'delete-prefix', prefix }]);
  }

  async canaries(cluster: Cluster, kinds: readonly KindName[] = agentKinds): Promise<void> {
    for (const kind of kinds) {
      const row = kindByName[kind];
      const canary = cluster === west ? row.stateCanary : row.cacheCanary;
      await this.put(canaryKey(cluster.name, canary), Buffer.from(String(this.clock.now())));
    }
  }

  async config(cluster: Cluster, id: number = cluster.id, cached = true): Promise<void> {
    const capabilities = {
      syncedCanaries: true,
      cached,
      maxConnectedClusters: this.max,
      endpointSlicesExportMode: '',
    };
    await this.put(clusterConfigKey(cluster.name), clusterConfigCodec.encode({ id, capabilities }));
  }

  async freshness(cluster: Cluster, connected = true, change: Partial<Freshness> = {}): Promise<void> {
    const at = rfc3339(this.clock.now());
    const value = {
      ...{ connected, since: at, lastContact: at, sourceRevision: String(this.clock.now()), storeId: 'a' },
      ...{ writtenAt: at, overQuota: 0, ...change },
    };
    await this.put(freshnessKey(cluster.name), freshnessCodec.encode(value));
  }

  async node(
    cluster: Cluster,
    cidr = { ip: `10.${octet(cluster)}.1.0`, mask: ipMask(24, 4) },
    labels: MeshNode['labels'] = null,
  ): Promise<void> {
    const node: MeshNode = {
      name: 'node1',
      cluster: cluster.name,
      clusterId: cluster.id,
      ipAddresses: [{ type: 'InternalIP', ip: nodeIp(cluster) }],
      ipv4AllocCidr: cidr,
      ipv4SecondaryAllocCidrs: null,
      ipv6AllocCidr: null,
      ipv6SecondaryAllocCidrs: null,
      ipv4HealthIp: '',
      ipv6HealthIp: '',
      ipv4IngressIp: '',
      ipv6IngressIp: '',
      source: 'custom-resource',
      encryptionKey: 0,
      labels,
      annotations: null,
      wireguardPubKey: '',
      bootId: '',
    };
    await this.put(prefixOf(cluster, 'nodes') + node.name, nodeCodec.encode(node));
  }

  async identity(cluster: Cluster, id = identityOf(cluster, 1, this.max)): Promise<void> {
    const labels = ['k8s:app=echo', `k8s:io.cilium.k8s.policy.cluster=${cluster.name}`].map(parseLabel);
    await this.put(prefixOf(cluster, 'identities') + String(id), identityCodec.encode(labels));
  }

  async ip(cluster: Cluster, ip: string, change: Partial<IpIdentity> = {}): Promise<void> {
    const value = {
      ip,
      mask: null,
      hostIp: nodeIp(cluster),
      id: identityOf(cluster, 1, this.max) as IpIdentity['id'],
      key: 0,
      metadata: '',
      k8sNamespace: 'default',
      k8sPodName: 'echo',
      k8sServiceAccount: '',
      namedPorts: [],
      ...change,
    };
    await this.put(prefixOf(cluster, 'ip') + ip, ipIdentityCodec.encode(value));
  }

  async service(cluster: Cluster, backends: readonly string[]): Promise<void> {
    const value = {
      cluster: cluster.name,
      namespace: 'default',
      name: 'echo',
      frontends: {},
      backends: Object.fromEntries(backends.map((ip) => [ip, { http: { protocol: 'TCP', port: 8080 } }])),
      hostnames: {},
      zones: {},
      labels: {},
      selector: {},
      includeExternal: true,
      shared: true,
      clusterId: cluster.id,
    };
    await this.put(`${prefixOf(cluster, 'services')}default/echo`, serviceCodec.encode(value));
  }

  /** Cluster with one node, one identity, the given pods behind service default/echo. */
  async remote(cluster: Cluster, pods: readonly number[] = [1]): Promise<void> {
    await this.config(cluster);
    await this.freshness(cluster);
    await this.node(cluster);
    await this.identity(cluster);
    for (const pod of pods) await this.ip(cluster, podIp(cluster, pod));
    await this.service(
      cluster,
      pods.map((pod) => podIp(cluster, pod)),
    );
    await this.canaries(cluster);
  }

  /** Our own cluster, with Service default/echo at 10.96.0.10:80. */
  async local(pods: readonly number[] = [1], annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.node(west);
    await this.identity(west);
    for (const pod of pods) await this.ip(west, podIp(west, pod));
    await this.canaries(west);
    const service: Service = {
      metadata: {
        namespace: 'default',
        name: 'echo',
        annotations: { 'service.cilium.io/global': 'true', ...annotations },
      },
      spec: {
        clusterIP: '10.96.0.10',
        clusterIPs: ['10.96.0.10'],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
    };
    await this.namespace();
    await this.kube.create(services, service);
    await this.kube.create(endpointSlices, slice(pods));
  }

  /** Of our own cluster; `isGlobal`: does its annotation say that it takes part in the mesh? */
  async namespace(isGlobal?: boolean): Promise<void> {
    const annotations = isGlobal === undefined ? {} : { 'clustermesh.cilium.io/global': String(isGlobal) };
    const object = { metadata: { name: 'default', annotations } };
    const { items } = await this.kube.list(namespaces);
    if (items.some(({ metadata }) => metadata.name === 'default')) await this.kube.update(namespaces, object);
    else await this.kube.create(namespaces, object);
  }

  async localPods(pods: readonly number[], nodeName = 'node1'): Promise<void> {
    await this.kube.update(endpointSlices, slice(pods, nodeName));
  }

  async pod(name: string, podIP: string, hostNetwork = false): Promise<void> {
    const pod: Pod = {
      metadata: { namespace: 'default', name, labels: { app: 'echo' } },
      spec: { nodeName: 'node1', hostNetwork, containers: [{ name: 'main', image: 'echo' }] },
    };
    await this.kube.create(pods, pod);
    await this.kube.update(pods, { ...pod, status: { phase: 'Running', podIP } }, { subresource: 'status' });
  }

  start(settings: Partial<AgentSettings> = {}): Agent {
    const agent = createAgent({
      cache: new MemoryKvStore(this.server, { clock: this.clock }),
      own: this.own(),
      links: this.links,
      kube: this.kube,
      maps: this.maps,
      devices: noDevices,
      sockets: noSockets,
      clock: this.clock,
      random: seededRandom(2),
      log: silentLogger,
      health: new Health(this.clock),
      config: {
        clusterName: west.name,
        clusterId: west.id,
        maxConnectedClusters: this.max,
        nodeName: 'node1',
        version: 'test',
        mode: { mode: 'memory', reason: 'a test' },
        backendDrainMs: 30 * seconds,
        syncTimeoutMs: minutes,
        mirrorSilenceMs: 5 * minutes,
        startupTaint: '',
        staleTtlMs: 0,
        defaultGlobalNamespace: true,
        policyScope: 'mesh',
        policyDefaultLocalCluster: true,
        ...settings,
      },
    });
    const stop = new AbortController();
    this.#running.set(agent, { stop, done: agent.run(stop.signal) });
    return agent;
  }

  /** Where our own cluster publishes, if not beside the others. */
  protected own(): AgentDeps['own'] {
    return undefined;
  }

  async stop(agent: Agent): Promise<void> {
    const running = this.#running.get(agent);
    running?.stop.abort();
    await running?.done;
    this.#running.delete(agent);
  }

  async settle(ms = seconds): Promise<void> {
    await this.clock.advance(ms);
  }

  /** A living mirror: freshness again and again while time passes. */
  async mirrorFor(ms: number, ...clusters: readonly Cluster[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 30 * seconds) {
      for (const cluster of clusters) await this.freshness(cluster);
      await this.settle(30 * seconds);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of [...this.#running.keys()]) await this.stop(agent);
    this.server[Symbol.dispose]();
  }
}

function slice(pods: readonly number[], nodeName = 'node1'): EndpointSlice {
  return {
    metadata: { namespace: 'default', name: 'echo-1', labels: { 'kubernetes.io/service-name': 'echo' } },
    addressType: 'IPv4',
    endpoints: pods.map((pod) => ({ addresses: [podIp(west, pod)], conditions: { ready: true }, nodeName })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

/** Address and identity of each endpoint in the maps. */
export function endpoints(maps: DatapathMaps): readonly unknown[] {
  return [...maps.ep_ip.entries()].map(([, value]) => {
    const { address, identity } = decodeEndpoint(value);
    return [formatIp(address), identity];
  });
}

export function prefixOf(cluster: Cluster, kind: KindName): string {
  const row = kindByName[kind];
  return cluster === west ? row.statePrefix(cluster.name) : row.cachePrefix(cluster.name);
}

/** Addresses that new connections to default/echo may go to, as the maps say. */
export function chosen(agent: Agent): readonly string[] {
  return [...agent.listings.backends({ namespace: '', name: '' })]
    .filter((one) => one.chosen)
    .map((one) => one.address);
}

/** What the agent knows of single addresses, other than those of nodes. */
export function hosts(agent: Agent, ofCluster = ''): readonly IpcacheEntry[] {
  const isNode = ({ identity, nodeAddress }: IpcacheEntry): boolean => identity < 8 && nodeAddress === '';
  return [...agent.listings.ipcache(ofCluster)].filter((entry) => !entry.address.includes('/') && !isNode(entry));
}

export function networks(agent: Agent): readonly unknown[] {
  return [...agent.listings.ipcache('')]
    .filter((entry) => entry.address.includes('/'))
    .map(({ address, identity, nodeAddress, key }) => ({ address, identity, nodeAddress, key }));
}

export function addresses(agent: Agent, state = 'programmed'): readonly string[] {
  return hosts(agent)
    .filter((entry) => entry.state === state)
    .map((entry) => entry.address)
    .sort();
}

export function cluster(agent: Agent, { name }: Cluster): ClusterStatus | undefined {
  return agent.status().clusters.find((one) => one.name === name);
}
