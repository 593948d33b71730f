import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { credentials, makeClientConstructor } from '@grpc/grpc-js';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { MemoryRingBuffer } from '@clustermesh/ebpf';
import { namespaces, networkPolicies, pods } from '@clustermesh/kube';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { tempDir } from '@clustermesh/testkit';
import { canaryKey, clusterConfigCodec, clusterConfigKey } from '@clustermesh/wire';
import { identityCodec, ipIdentityCodec, kindByName, parseLabel } from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity } from '@clustermesh/wire';

import { createAgent } from './agent.ts';
import { noDevices } from './datapath/endpoints/devices.ts';
import { noSockets } from './datapath/services/sockets.ts';
import { smallSizes } from './datapath/sim/testing/small-sizes.ts';
import { eventKind } from './flows/decode-event.ts';
import { eventRecord, ingress } from './flows/testing/event-record.ts';
import { memoryDatapathMaps } from './maps/datapath-maps.ts';
import { StatusServer } from './status-server.ts';
import { statusServiceDefinition } from './status/status-service.ts';

const west = { name: 'west' as ClusterName, id: 1 as ClusterId, identity: 65_540, pod: '10.1.0.2' };
const east = { name: 'east' as ClusterName, id: 2 as ClusterId, identity: 131_080, pod: '10.2.0.5' };
const kinds = ['nodes', 'identities', 'ip', 'services'] as const;

interface StatusClient {
  getFlows(request: object): ClientReadableStream<unknown>;
  explainFlow(request: object, callback: (error: Error | null, value: object) => void): void;
  close(): void;
}

/** Cluster west with pod demo/web on this node, which no rule lets anybody speak to; cluster east with demo/client. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly server = new MemoryKvServer({ clock: this.clock });
  readonly kube = new KubeApiStore({ clock: this.clock, random: seededRandom(1) }).client();
  readonly ring = new MemoryRingBuffer(1 << 12);
  readonly #stop = new AbortController();
  readonly #writer = new MemoryKvStore(this.server, { clock: this.clock, leaseTtlSeconds: 1_000_000 });
  #running: Promise<void> = Promise.resolve();

  async fill(): Promise<void> {
    const capabilities = { syncedCanaries: true, cached: true, maxConnectedClusters: 255 as const };
    const config = { id: east.id, capabilities: { ...capabilities, endpointSlicesExportMode: '' } };
    await this.#put(clusterConfigKey(east.name), clusterConfigCodec.encode(config));
    for (const cluster of [west, east]) await this.#publish(cluster, cluster === west ? 'statePrefix' : 'cachePrefix');
    await this.kube.create(namespaces, { metadata: { name: 'demo' } });
    const pod = {
      metadata: { namespace: 'demo', name: 'web', labels: { app: west.name } },
      spec: { nodeName: 'node1' },
    };
    await this.kube.create(pods, { ...pod, spec: { ...pod.spec, containers: [{ name: 'main', image: 'echo' }] } });
    const { items } = await this.kube.list(pods);
    for (const each of items) {
      const status = { phase: 'Running' as const, podIP: west.pod };
      await this.kube.update(pods, { ...each, status }, { subresource: 'status' });
    }
    const spec = { podSelector: {}, policyTypes: ['Ingress'] };
    await this.kube.create(networkPolicies, { metadata: { namespace: 'demo', name: 'deny-all' }, spec });
  }

  start() {
    const agent = createAgent({
      ...{ cache: new MemoryKvStore(this.server, { clock: this.clock }), kube: this.kube },
      ...{ maps: memoryDatapathMaps(smallSizes), devices: noDevices, sockets: noSockets },
      ...{ clock: this.clock, random: seededRandom(2), log: silentLogger, health: new Health(this.clock) },
      flowSource: { ring: this.ring, nowNs: () => 0n, lost: () => 0 },
      config: {
        ...{
          clusterName: west.name,
          clusterId: west.id,
          maxConnectedClusters: 255,
          nodeName: 'node1',
          version: 'test',
        },
        ...{ mode: { mode: 'memory', reason: 'a test' }, backendDrainMs: 30_000, syncTimeoutMs: 60_000 },
        ...{ mirrorSilenceMs: 300_000, startupTaint: '', staleTtlMs: 0, defaultGlobalNamespace: true },
        ...{ policyScope: 'mesh', policyDefaultLocalCluster: true },
      },
    });
    this.#running = agent.run(this.#stop.signal);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.server[Symbol.dispose]();
  }

  async #publish(cluster: typeof west | typeof east, prefix: 'statePrefix' | 'cachePrefix'): Promise<void> {
    const { name, identity, pod } = cluster;
    const labels = [`k8s:app=${name}`, 'k8s:io.kubernetes.pod.namespace=demo'];
    const all = [...labels, `k8s:io.cilium.k8s.policy.cluster=${name}`].map(parseLabel);
    await this.#put(kindByName.identities[prefix](name) + String(identity), identityCodec.encode(all));
    const value = {
      ...{ ip: pod, mask: null, hostIp: '', id: identity as IpIdentity['id'], key: 0, metadata: '' },
      ...{ k8sNamespace: 'demo', k8sPodName: 'client', k8sServiceAccount: '', namedPorts: [] },
    };
    await this.#put(kindByName.ip[prefix](name) + pod, ipIdentityCodec.encode(value));
    for (const kind of kinds) {
      const canary = prefix === 'statePrefix' ? kindByName[kind].stateCanary : kindByName[kind].cacheCanary;
      await this.#put(canaryKey(name, canary), Buffer.from('0'));
    }
  }

  async #put(key: string, value: Uint8Array): Promise<void> {
    await this.#writer.commit([{ kind: 'put', key, value }]);
  }
}

describe('flows of an agent, over gRPC', () => {
  it('are told with everybody’s names and the policy to blame, and explained', async () => {
    await using dir = await tempDir();
    await using world = new World();
    await world.fill();
    const path = join(dir.path, 'agent.sock');
    await using _ = await StatusServer.listen(path, world.start());
    await world.clock.advance(5_000);
    const drop = { kind: eventKind.drop, reason: 41, direction: ingress, source: east.pod, destination: west.pod };
    const identities = { sourceIdentity: east.identity, destinationIdentity: west.identity };
    world.ring.write(eventRecord({ ...drop, ...identities, sourcePort: 40_000, policyPort: 80 }));

    const Client = makeClientConstructor(statusServiceDefinition(), 'Status');
    const client = new Client(`unix:${path}`, credentials.createInsecure()) as unknown as StatusClient;
    const policy = { kind: 'NetworkPolicy', namespace: 'demo', name: 'deny-all' };
    const filter = { verdict: 'dropped', fromPod: { cluster: 'east', namespace: 'demo', name: 'client' } };
    expect(await Array.fromAsync(client.getFlows({ filter }))).toMatchObject([
      {
        flow: {
          ...{
            verdict: 'dropped',
            reason: 'policy no rule',
            direction: 'ingress',
            protocol: 'TCP',
            policies: [policy],
          },
          source: { cluster: 'east', namespace: 'demo', pod: 'client', port: 40_000, identity: east.identity },
          destination: { cluster: 'west', namespace: 'demo', pod: 'web', port: 80, identity: west.identity },
        },
      },
    ]);

    const asked = { source: 'east/demo/client', destination: 'demo/web', protocol: 6, port: 80 };
    const explained = await new Promise((resolve, reject) => {
      client.explainFlow(asked, (error, value) => (error === null ? resolve(value) : reject(error)));
    });
    expect(explained).toMatchObject({
      ...{ cluster: 'west', node: 'node1', policyScope: 'mesh', policySynced: true, problems: [], egress: null },
      source: {
        party: { pod: 'client' },
        entry: { key: 'cilium/cache/ip/v1/east/10.2.0.5' },
        row: { map: 'ipc_host' },
      },
      destination: { party: { pod: 'web' }, endpoint: { subject: west.identity } },
      ingress: { verdict: 'denied', reason: 'default-deny', policies: [policy], disagreement: '' },
    });
    client.close();
  });
});
