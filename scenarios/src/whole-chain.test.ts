import { createAgent, defaultMapSizes, memoryDatapathMaps, noDevices, noSockets } from '@clustermesh/agent';
import type { Agent } from '@clustermesh/agent';
import { createApiserver } from '@clustermesh/apiserver';
import { endpointSlices, namespaces, nodes, pods, services } from '@clustermesh/kube';
import type { EndpointSlice, KubeClient, KubeObject, Resource } from '@clustermesh/kube';
import { createKvstoremesh, defaultLimits } from '@clustermesh/kvstoremesh';
import type { RemoteFile } from '@clustermesh/kvstoremesh';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, Health, aborted, seededRandom, silentLogger } from '@clustermesh/runtime';
import { clusterId, clusterName } from '@clustermesh/wire';
import { afterEach, describe, expect, it } from '@jest/globals';

const ns = 'shop';
const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A whole cluster on memory edges: apiserver, kvstoremesh, one agent. Nothing sleeps, nothing listens. */
class TestCluster {
  readonly kube: KubeClient;
  readonly etcd: MemoryKvServer;
  readonly agent: Agent;
  readonly #name: string;
  readonly #id: number;
  readonly #clock: FakeClock;
  readonly #remotes: readonly TestCluster[];
  readonly #run: readonly ((signal: AbortSignal) => Promise<void>)[];

  constructor(name: string, id: number, clock: FakeClock, remotes: readonly TestCluster[]) {
    this.#name = name;
    this.#id = id;
    this.#clock = clock;
    this.#remotes = remotes;
    this.kube = new KubeApiStore({ clock, random: seededRandom(id), serviceCidr: `10.10${id}.0.0/16` }).client();
    this.etcd = new MemoryKvServer({ clock, storeId: BigInt(id) });
    const apiserver = this.#apiserver();
    const mesh = this.#kvstoremesh();
    this.agent = this.#agent();
    this.#run = [apiserver, mesh, this.agent].map((part) => (signal) => part.run(signal));
  }

  start(): void {
    const stop = new AbortController();
    stops.push(stop);
    for (const run of this.#run) void run(stop.signal);
  }

  /** Backends of shop/web that new connections use now, as the maps hold them. */
  chosen(): readonly string[] {
    const rows = [...this.agent.listings.backends({ namespace: ns, name: 'web' })];
    return rows
      .filter(({ chosen }) => chosen)
      .map(({ cluster, address }) => `${cluster} ${address}`)
      .sort();
  }

  #deps() {
    const health = new Health(this.#clock);
    return { clock: this.#clock, random: seededRandom(this.#id), log: silentLogger, health };
  }

  #identity() {
    const name = clusterName(this.#name);
    const id = clusterId(this.#id, 255);
    if (!name.ok || !id.ok) throw new Error(`${this.#name} ${this.#id} is no cluster`);
    return { name: name.value, id: id.value, maxConnectedClusters: 255 as const };
  }

  #store(server = this.etcd): MemoryKvStore {
    return new MemoryKvStore(server, { clock: this.#clock });
  }

  #apiserver() {
    return createApiserver({
      ...this.#deps(),
      kube: this.kube,
      kv: this.#store(),
      config: {
        ...{ cluster: this.#identity(), source: 'kubernetes', globalNamespaces: true, identityGraceMs: 900_000 },
        exported: { endpointSlices: 'off', serviceExports: false },
      },
    });
  }

  #kvstoremesh() {
    const files = this.#remotes.map((remote): RemoteFile => {
      const value = { cluster: remote.#identity().name, endpoints: [], tls: undefined, hostAliases: new Map() };
      return { name: remote.#name, hash: '1', certificates: '', config: { ok: true, value } };
    });
    return createKvstoremesh({
      ...this.#deps(),
      local: this.#store(),
      connect: async ({ cluster }) => {
        const remote = this.#remotes.find((candidate) => candidate.#name === cluster);
        if (remote === undefined) throw new Error(`no cluster ${cluster}`);
        return this.#store(remote.etcd);
      },
      clusters: {
        async *watch(signal) {
          yield files;
          await aborted(signal);
        },
      },
      config: {
        clusterName: this.#name,
        clusterId: this.#id,
        maxConnectedClusters: 255,
        heartbeatIntervalMs: 60_000,
        contactIntervalMs: 10_000,
        drainGraceMs: 1_000,
        cacheTtlMs: 0,
        perClusterReadyTimeoutMs: 15_000,
        globalReadyTimeoutMs: 600_000,
        limits: defaultLimits,
      },
    });
  }

  #agent(): Agent {
    const { name, id, maxConnectedClusters } = this.#identity();
    const sizes = { ...defaultMapSizes, svc: 64, slot: 1_024, backend: 256, node: 64, ipc_host: 256, ipc_cidr: 64 };
    return createAgent({
      ...this.#deps(),
      cache: this.#store(),
      kube: this.kube,
      maps: memoryDatapathMaps(sizes),
      devices: noDevices,
      sockets: noSockets,
      config: {
        clusterName: name,
        clusterId: id,
        maxConnectedClusters,
        nodeName: 'n1',
        version: 'test',
        mode: { mode: 'memory', reason: 'a test' },
        backendDrainMs: 1_000,
        syncTimeoutMs: 60_000,
        mirrorSilenceMs: 60_000,
        staleTtlMs: 0,
        defaultGlobalNamespace: true,
        policyScope: 'mesh',
        policyDefaultLocalCluster: true,
        startupTaint: '',
      },
    });
  }
}

async function createWithStatus<T extends KubeObject>(kube: KubeClient, type: Resource<T>, object: T): Promise<void> {
  const created = await kube.create(type, object);
  if ('status' in object) await kube.update(type, { ...created, status: object.status }, { subresource: 'status' });
}

const webSlice = (ips: readonly string[]): EndpointSlice => ({
  metadata: { namespace: ns, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});

/** A node, a global service, and pods behind it. */
async function fill(kube: KubeClient, id: number, ips: readonly string[]): Promise<void> {
  const address = `172.30.${id}.11`;
  await createWithStatus(kube, nodes, {
    metadata: { name: 'n1' },
    spec: { podCIDRs: [`10.${id}.1.0/24`] },
    status: { addresses: [{ type: 'InternalIP', address }] },
  });
  await kube.create(namespaces, { metadata: { name: ns } });
  await kube.create(services, {
    metadata: { namespace: ns, name: 'web', annotations: { 'service.cilium.io/global': 'true' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  });
  for (const [at, podIP] of ips.entries()) {
    await createWithStatus(kube, pods, {
      metadata: { namespace: ns, name: `web-${at}`, labels: { app: 'web' } },
      spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'web' }] },
      status: { phase: 'Running', hostIP: address, podIP, podIPs: [{ ip: podIP }] },
    });
  }
  await kube.create(endpointSlices, webSlice(ips));
}

describe('the whole chain, Kubernetes API to maps', () => {
  it('brings a remote pod into the maps, and takes it out again', async () => {
    const clock = new FakeClock();
    const west = new TestCluster('west', 2, clock, []);
    const east = new TestCluster('east', 1, clock, [west]);
    await fill(east.kube, 1, ['10.1.1.5']);
    await fill(west.kube, 2, ['10.2.1.5', '10.2.1.6']);
    west.start();
    east.start();
    await clock.advance(5_000);
    expect(east.chosen()).toEqual(['east 10.1.1.5', 'west 10.2.1.5', 'west 10.2.1.6']);

    const remote = [...east.agent.listings.ipcache('west')].filter(({ address }) => address === '10.2.1.5');
    expect(remote).toMatchObject([{ nodeAddress: '172.30.2.11', state: 'programmed' }]);
    expect(remote[0]?.identity).toBeGreaterThanOrEqual(131_072); // cluster 2 begins at 2 << 16

    const slice = await west.kube.get(endpointSlices, { namespace: ns, name: 'web-1' });
    await west.kube.update(endpointSlices, { ...slice, endpoints: webSlice(['10.2.1.6']).endpoints ?? [] });
    await clock.advance(5_000);
    expect(east.chosen()).toEqual(['east 10.1.1.5', 'west 10.2.1.6']);
  });

  it('follows the affinity of the local service, and keeps a remote one whose cluster is gone (I4)', async () => {
    const clock = new FakeClock();
    const west = new TestCluster('west', 2, clock, []);
    const east = new TestCluster('east', 1, clock, [west]);
    await fill(east.kube, 1, ['10.1.1.5']);
    await fill(west.kube, 2, ['10.2.1.5']);
    west.start();
    east.start();
    await clock.advance(5_000);
    const annotations = { 'service.cilium.io/affinity': 'remote' };
    await east.kube.patch(services, { namespace: ns, name: 'web' }, { metadata: { annotations } }, { kind: 'merge' });
    await clock.advance(5_000);
    expect(east.chosen()).toEqual(['west 10.2.1.5']);

    west.etcd.disconnectAll();
    await clock.advance(300_000);
    expect(east.chosen()).toEqual(['west 10.2.1.5']);
  });
});
