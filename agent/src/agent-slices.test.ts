import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { services } from '@clustermesh/kube';
import type { ServiceSpec } from '@clustermesh/kube';
import { canaryKey, clusterConfigCodec, clusterConfigKey, endpointSliceCodec, kindByName } from '@clustermesh/wire';
import type { ClusterEndpointSlice, SliceEndpoint } from '@clustermesh/wire';

import type { Agent } from './agent.ts';
import type { Cluster } from './testing/world.ts';
import {
  World,
  chosen,
  cluster,
  east,
  identityOf,
  minutes,
  north,
  podIp,
  prefixOf,
  seconds,
  west,
} from './testing/world.ts';

type Mode = '' | 'services-and-endpointslices' | 'endpointslices-only';

const both: Mode = 'services-and-endpointslices';
const only: Mode = 'endpointslices-only';

/** What agents read of other clusters, with slices. */
class SlicesWorld extends World {
  async mode(of: Cluster, endpointSlicesExportMode: Mode): Promise<void> {
    const capabilities = { syncedCanaries: true, cached: true, maxConnectedClusters: 255, endpointSlicesExportMode };
    await this.put(clusterConfigKey(of.name), clusterConfigCodec.encode({ id: of.id, capabilities }));
  }

  /** Slice default/echo-<number>. */
  async slice(of: Cluster, number: number, endpoints: readonly At[], change: Partial<ClusterEndpointSlice> = {}) {
    const value: ClusterEndpointSlice = {
      cluster: of.name,
      clusterId: of.id,
      namespace: 'default',
      name: `echo-${number}`,
      labels: { 'kubernetes.io/service-name': 'echo' },
      annotations: {},
      addressType: 'IPv4',
      endpoints: endpoints.map((at) => endpoint(of, at)),
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      ...change,
    };
    await this.put(sliceKey(of, number), endpointSliceCodec.encode(value));
  }

  async slicesCanary(of: Cluster): Promise<void> {
    await this.put(canaryKey(of.name, kindByName.endpointslices.cacheCanary), Buffer.from('now'));
  }

  /** A cluster with some pods and nothing that says which service they are of. */
  async podsOf(of: Cluster, mode: Mode, pods: readonly number[]): Promise<void> {
    await this.mode(of, mode);
    await this.freshness(of);
    await this.node(of);
    await this.identity(of, identityOf(of));
    for (const pod of pods) await this.ip(of, podIp(of, pod));
    await this.canaries(of, ['nodes', 'identities', 'ip']);
  }

  /** Of services alone, as every cluster before 1.20. */
  async services(of: Cluster, pods: readonly number[]): Promise<void> {
    await this.service(
      of,
      pods.map((pod) => podIp(of, pod)),
    );
    await this.canaries(of, ['services']);
  }

  async ourService(spec: Partial<ServiceSpec>): Promise<void> {
    const service = await this.kube.get(services, { namespace: 'default', name: 'echo' });
    await this.kube.update(services, { ...service, spec: { ...service.spec, ...spec } });
  }
}

/** A pod by its number, ready if nothing else is said. */
type At = number | (Partial<SliceEndpoint> & { readonly pod: number });

function endpoint(of: Cluster, at: At): SliceEndpoint {
  const { pod, ...said } = typeof at === 'number' ? { pod: at } : at;
  return { addresses: [podIp(of, pod)], conditions: {}, deprecatedTopology: {}, ...said };
}

function sliceKey(of: Cluster, number: number): string {
  return `${prefixOf(of, 'endpointslices')}default/echo-${number}`;
}

describe('services that other clusters publish in slices', () => {
  let world: SlicesWorld;
  let agent: Agent;
  beforeEach(async () => {
    world = new SlicesWorld();
    await world.local([]);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  async function start(): Promise<void> {
    agent = world.start();
    await world.settle();
  }

  const pods = (of: Cluster, ...numbers: readonly number[]): readonly string[] =>
    numbers.map((number) => podIp(of, number));

  /** Nothing is chosen in between, whatever is done. */
  async function neverEmpty(change: () => Promise<void>, ms = 0): Promise<void> {
    await change();
    for (let passed = 0; passed <= ms; passed += seconds) {
      await world.settle(seconds);
      expect(chosen(agent).length).toBeGreaterThan(0);
    }
  }

  describe('alone', () => {
    beforeEach(async () => {
      await world.podsOf(east, only, [1, 2, 3]);
      await world.slice(east, 1, [1, 2]);
      await world.slice(east, 2, [3]);
      await world.slicesCanary(east);
    });

    it('are used, with the slice that each backend comes from (I5)', async () => {
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      const backends = [...agent.listings.backends({ namespace: 'default', name: 'echo' })];
      expect(backends.map(({ address, key, port }) => [address, key, port])).toEqual([
        ['10.2.1.1', 'cilium/cache/endpointslices/v1/east/default/echo-1', 8080],
        ['10.2.1.2', 'cilium/cache/endpointslices/v1/east/default/echo-1', 8080],
        ['10.2.1.3', 'cilium/cache/endpointslices/v1/east/default/echo-2', 8080],
      ]);
      const [service] = agent.listings.services({ namespace: 'default', name: 'echo' });
      expect(service?.sources.map(({ key, backends: count }) => [key.slice(-6), count])).toEqual([
        ['echo-1', 2],
        ['echo-2', 1],
      ]);
      expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejected: 0 });
      const metrics = await agent.metrics.registry.metrics();
      expect(metrics).toContain('cilium_clustermesh_remote_cluster_endpoint_slices{target_cluster="east"} 2\n');
    });

    it('are not there before the canary of slices: that of services nobody waits for', async () => {
      await world.delete(canaryKey(east.name, kindByName.endpointslices.cacheCanary));
      await start();
      expect(chosen(agent)).toEqual([]);
      expect(cluster(agent, east)).toMatchObject({ state: 'syncing', reason: 'waiting for services, endpointslices' });
      await world.slicesCanary(east);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    });

    it('are what an earlier agent left until all slices are read again (I7)', async () => {
      await start();
      await world.stop(agent);
      await world.delete(canaryKey(east.name, kindByName.endpointslices.cacheCanary));
      await world.delete(sliceKey(east, 2));
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      await world.slicesCanary(east);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
    });

    it('lose an endpoint with its slice, and the service with the last one', async () => {
      await start();
      await world.slice(east, 1, [2]);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 2, 3));
      await world.delete(sliceKey(east, 1), sliceKey(east, 2));
      await world.settle();
      expect(chosen(agent)).toEqual([]);
    });

    it('are drained with their cluster', async () => {
      await start();
      await world.delete(clusterConfigKey(east.name));
      await world.deletePrefix('cilium/cache/');
      await world.settle(5 * seconds);
      expect(chosen(agent)).toEqual([]);
    });

    it('are withdrawn with their cluster, unless there is nothing else (I4)', async () => {
      agent = world.start({ staleTtlMs: minutes });
      await world.localPods([7]);
      await world.settle();
      await world.freshness(east, false);
      await world.settle(2 * minutes);
      expect(chosen(agent)).toEqual(['10.1.1.7']);
      await world.localPods([]);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
    });

    it.each([
      { name: 'another cluster\u2019s name', change: { cluster: 'north' }, reason: 'cluster is "north"' },
      { name: 'another cluster id', change: { clusterId: 3 }, reason: 'cluster id is "3"' },
      { name: 'another name than its key', change: { name: 'other' }, reason: 'namespace and name' },
      { name: 'an address of another family', change: { addressType: 'IPv6' }, reason: 'not an IPv6 address' },
    ])('one with $name is refused, counted and explained; the one before stays (I6)', async ({ change, reason }) => {
      await start();
      await world.slice(east, 1, [2], change);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejected: 1 });
      const [rejection] = cluster(agent, east)?.rejections ?? [];
      expect(rejection?.key).toBe(sliceKey(east, 1));
      expect(rejection?.reason).toContain(reason);
    });

    it('bytes that are no slice are refused', async () => {
      await start();
      await world.put(sliceKey(east, 1), Buffer.from('{"name":"echo-1"}'));
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      expect(cluster(agent, east)).toMatchObject({ rejected: 1, rejections: [{ reason: 'not a zstd frame' }] });
    });

    it('one that would be too large to read is refused, however small it is', async () => {
      await start();
      await world.slice(east, 1, Array<At>(100_000).fill(2));
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      const [rejection] = cluster(agent, east)?.rejections ?? [];
      expect(rejection?.reason).toMatch(/^slice of \d+ bytes, more than 1048576$/);
    });

    it('one of no service, or that a mesh made of other clusters\u2019 backends, is of nobody', async () => {
      await world.slice(east, 1, [1, 2], { labels: {} });
      const managedBy = { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-mesh-controller.cilium.io' };
      await world.slice(east, 2, [3], { labels: { 'kubernetes.io/service-name': 'echo', ...managedBy } });
      await start();
      expect(chosen(agent)).toEqual([]);
      expect(cluster(agent, east)).toMatchObject({ state: 'ready', rejected: 0 });
    });

    it('never lead to an address that another cluster holds (I6)', async () => {
      await world.slice(east, 1, [1], {
        endpoints: [endpoint(east, 1), { ...endpoint(east, 1), addresses: ['10.1.1.9'] }],
      });
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 3));
      expect(agent.status().conflicts).toMatchObject([
        { kind: 'backend', subject: '10.1.1.9', cluster: 'east', key: sliceKey(east, 1) },
      ]);
    });
  });

  describe('with conditions', () => {
    const serving = { ready: false, serving: true, terminating: true };

    beforeEach(async () => {
      await world.podsOf(east, only, [1, 2, 3, 4]);
      await world.slicesCanary(east);
    });

    it.each([
      { name: 'nothing said means ready', conditions: {}, want: [1, 2] },
      { name: 'ready', conditions: { ready: true }, want: [1, 2] },
      { name: 'not ready is no backend', conditions: { ready: false }, want: [1] },
      { name: 'terminating and serving waits behind those that are ready', conditions: serving, want: [1] },
      { name: 'ready and terminating is published so on purpose', conditions: { terminating: true }, want: [1, 2] },
    ])('$name', async ({ conditions, want }) => {
      await world.slice(east, 1, [1, { pod: 2, conditions }]);
      await start();
      expect(chosen(agent)).toEqual(pods(east, ...want));
    });

    it('terminating ones serve when nothing else does, here or there', async () => {
      await world.slice(east, 1, [1, { pod: 2, conditions: serving }]);
      await start();
      await world.slice(east, 1, [
        { pod: 1, conditions: { ready: false } },
        { pod: 2, conditions: serving },
      ]);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 2));
      await world.localPods([7]);
      await world.settle();
      expect(chosen(agent)).toEqual(['10.1.1.7']);
    });

    it('ports without name, protocol and number are what Kubernetes takes them for', async () => {
      await world.slice(east, 1, [1], { ports: [{ port: 9090 }] });
      await world.slice(east, 2, [2], { ports: [{ name: 'http' }] });
      await start();
      const backends = [...agent.listings.backends({ namespace: 'default', name: 'echo' })];
      expect(backends.map(({ address, port, protocol }) => [address, port, protocol])).toEqual([
        ['10.2.1.1', 9090, 'TCP'],
      ]);
    });
  });

  describe('beside services', () => {
    it('count where they are, and say what services do not', async () => {
      await world.podsOf(east, both, [1, 2, 3]);
      await world.services(east, [1, 2]);
      await world.slice(east, 1, [1, { pod: 2, conditions: { ready: false, serving: true, terminating: true } }, 3]);
      await world.slicesCanary(east);
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 3));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    });

    it('are not needed: a mirror that carries none of them is as good as before (§14.2)', async () => {
      await world.podsOf(east, both, [1, 2]);
      await world.services(east, [1, 2]);
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
      expect(agent.notReady()).toBeUndefined();
      // It announces what it does not mirror as complete.
      await neverEmpty(() => world.slicesCanary(east), 2 * minutes);
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
    });

    it('a service of which only some slices have come is as its one value says', async () => {
      await world.podsOf(east, both, [1, 2, 3]);
      await world.services(east, [1, 2, 3]);
      await world.slicesCanary(east);
      await start();
      await world.slice(east, 1, [1]);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      await world.slice(east, 2, [2, { pod: 3, conditions: { ready: false } }]);
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
    });

    it('and of another cluster\u2019s services, both are used', async () => {
      await world.podsOf(east, only, [1]);
      await world.slice(east, 1, [1]);
      await world.slicesCanary(east);
      await world.remote(north, [1]);
      await start();
      expect(chosen(agent)).toEqual([...pods(east, 1), ...pods(north, 1)]);
    });
  });

  describe('switched while agents run (I4)', () => {
    it('from services to slices alone: the services stay until slices have been read', async () => {
      await world.podsOf(east, '', [1, 2, 3]);
      await world.services(east, [1, 2]);
      await start();
      await neverEmpty(() => world.mode(east, only), 5 * minutes);
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      await neverEmpty(async () => {
        await world.slice(east, 1, [1]);
        await world.slicesCanary(east);
      });
      await neverEmpty(() => world.slice(east, 2, [2, 3]));
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      await neverEmpty(() => world.deletePrefix(prefixOf(east, 'services')), 2 * minutes);
      expect(chosen(agent)).toEqual(pods(east, 1, 2, 3));
      await neverEmpty(() => world.freshness(east));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    });

    it('from services to slices alone: a service that slices do not tell of goes a minute after', async () => {
      await world.podsOf(east, '', [1]);
      await world.services(east, [1]);
      await start();
      await world.slicesCanary(east);
      await world.mode(east, only);
      await world.settle(30 * seconds);
      expect(chosen(agent)).toEqual(pods(east, 1));
      await world.settle(minutes);
      expect(chosen(agent)).toEqual([]);
    });

    it('from slices alone to services: the slices stay until services have been read', async () => {
      await world.podsOf(east, only, [1, 2]);
      await world.slice(east, 1, [1, 2]);
      await world.slicesCanary(east);
      await start();
      await neverEmpty(() => world.mode(east, ''), 5 * minutes);
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      await neverEmpty(() => world.services(east, [2]));
      expect(chosen(agent)).toEqual(pods(east, 2));
      await neverEmpty(() => world.deletePrefix(prefixOf(east, 'endpointslices')), 2 * minutes);
      await neverEmpty(() => world.freshness(east));
      expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
    });

    it('through both, there and back again', async () => {
      await world.podsOf(east, '', [1, 2]);
      await world.services(east, [1, 2]);
      await start();
      await neverEmpty(async () => {
        await world.mode(east, both);
        await world.slice(east, 1, [1, 2]);
        await world.slicesCanary(east);
      });
      await neverEmpty(() => world.mode(east, only));
      await neverEmpty(() => world.deletePrefix(prefixOf(east, 'services')), 2 * minutes);
      await neverEmpty(() => world.mode(east, both));
      await neverEmpty(() => world.services(east, [1, 2]));
      await neverEmpty(() => world.deletePrefix(prefixOf(east, 'endpointslices')));
      await neverEmpty(() => world.mode(east, ''), 2 * minutes);
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      const [backend] = agent.listings.backends({ namespace: 'default', name: 'echo' });
      expect(backend?.key).toBe('cilium/cache/services/v1/east/default/echo');
    });
  });

  describe('and where the clients are', () => {
    const hinted = (pod: number, zone: string): At => ({ pod, zone, hints: { forZones: [{ name: zone }] } });

    beforeEach(async () => {
      await world.podsOf(east, only, [1, 2]);
      await world.slice(east, 1, [hinted(1, 'eu-a'), hinted(2, 'eu-b')]);
      await world.slicesCanary(east);
    });

    it('those of this node\u2019s zone are chosen where the service asks for it, as the node\u2019s label says', async () => {
      await start();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      await world.ourService({ trafficDistribution: 'PreferClose' });
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
      await world.node(west, undefined, { 'topology.kubernetes.io/zone': 'eu-b' });
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 2));
      await world.node(west, undefined, { 'topology.kubernetes.io/zone': 'eu-c' });
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
    });

    it('other clusters serve a node that has no backend of its own under internalTrafficPolicy Local', async () => {
      await world.localPods([7]);
      await start();
      expect(chosen(agent)).toEqual(['10.1.1.7', ...pods(east, 1, 2)]);
      await world.ourService({ internalTrafficPolicy: 'Local' });
      await world.settle();
      expect(chosen(agent)).toEqual(['10.1.1.7', ...pods(east, 1, 2)]);
      await world.localPods([7], 'node2');
      await world.settle();
      expect(chosen(agent)).toEqual(pods(east, 1, 2));
    });
  });
});
