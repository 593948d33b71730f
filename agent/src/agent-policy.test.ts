import { afterEach, describe, expect, it } from '@jest/globals';
import { ciliumNetworkPolicies, customResourceDefinitions, events, networkPolicies, pods } from '@clustermesh/kube';
import type { CustomResourceDefinition, PolicyKubeObject } from '@clustermesh/kube';
import { formatIp, identityCodec, parseLabel } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

import type { Agent } from './agent.ts';
import { decodeEndpoint } from './maps/endpoint.ts';
import { decodeIpcacheValue } from './maps/ipcache.ts';
import { decodePolicyKey, decodePolicyRow } from './maps/policy.ts';
import {
  World,
  cluster,
  east,
  identityOf,
  minutes,
  networks,
  nodeIp,
  podIp,
  prefixOf,
  seconds,
  west,
} from './testing/world.ts';

const web = identityOf(west);
const client = identityOf(east, 7);
const allPods = { podSelector: {} };
const fromAllClusters = {
  matchExpressions: [{ key: 'io.cilium.k8s.policy.cluster', operator: 'Exists' }],
};

function policy(name: string, spec: unknown): PolicyKubeObject {
  return { metadata: { namespace: 'default', name }, spec };
}

const denyAll = policy('deny', { ...allPods, policyTypes: ['Ingress', 'Egress'] });
const allowClients = policy('allow', {
  ...allPods,
  policyTypes: ['Ingress'],
  ingress: [
    {
      from: [{ podSelector: { matchLabels: { app: 'client' }, ...fromAllClusters } }],
      ports: [{ port: 8080 }],
    },
  ],
});

const ciliumPolicies: CustomResourceDefinition = {
  metadata: { name: 'ciliumnetworkpolicies.cilium.io' },
  spec: {
    group: 'cilium.io',
    scope: 'Namespaced',
    names: { plural: 'ciliumnetworkpolicies', singular: 'ciliumnetworkpolicy', kind: 'CiliumNetworkPolicy' },
    versions: [
      {
        name: 'v2',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

describe('createAgent: policies', () => {
  let world: World;
  afterEach(() => world[Symbol.asyncDispose]());

  /** Rows of this node's pods in the map, as texts, in order. */
  function rows(subject = web): readonly string[] {
    return [...world.maps.policy.entries()]
      .map(([key, value]) => ({ ...decodePolicyKey(key), ...decodePolicyRow(value) }))
      .filter((row) => row.subject === subject)
      .map(({ direction, remote, bits, length, deny }) => {
        const what = length === 0 ? 'all' : `${bits >>> 16}/${bits & 0xffff}/${length}`;
        return `${direction} ${remote} ${what} ${deny ? 'deny' : 'allow'}`;
      })
      .sort();
  }

  async function clientIdentity(id = client, app = 'client'): Promise<void> {
    const texts = [
      `k8s:app=${app}`,
      'k8s:io.cilium.k8s.policy.cluster=east',
      'k8s:io.kubernetes.pod.namespace=default',
    ];
    await world.put(`${prefixOf(east, 'identities')}${id}`, identityCodec.encode(texts.map(parseLabel)));
  }

  async function webIdentity(): Promise<void> {
    const texts = ['k8s:app=echo', 'k8s:io.cilium.k8s.policy.cluster=west', 'k8s:io.kubernetes.pod.namespace=default'];
    await world.put(`${prefixOf(west, 'identities')}${web}`, identityCodec.encode(texts.map(parseLabel)));
  }

  /** A pod of this node, and cluster east with a client. */
  async function meshed(): Promise<void> {
    world = new World();
    await world.local([1]);
    await webIdentity();
    await world.remote(east);
    await world.pod('echo-1', podIp(west, 1));
  }

  async function started(): Promise<Agent> {
    const agent = world.start();
    await world.settle();
    return agent;
  }

  function endpoints(): readonly unknown[] {
    return [...world.maps.ep_ip.entries()].map(([, value]) => {
      const { address, identity, subject } = decodeEndpoint(value);
      return [formatIp(address), identity, subject];
    });
  }

  it('lets everything pass where no policy speaks of a pod', async () => {
    await meshed();
    await started();
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 0 all allow']);
    expect(endpoints()).toEqual([['10.1.1.1', web, 0]]);
  });

  it('follows policies as they come, change and go', async () => {
    await meshed();
    await clientIdentity();
    await started();
    await world.kube.create(networkPolicies, denyAll);
    await world.settle();
    expect(rows()).toEqual(['ingress 1 all allow']);
    await world.kube.create(networkPolicies, allowClients);
    await world.settle();
    expect(rows()).toEqual(['ingress 1 all allow', `ingress ${client} 6/8080/24 allow`]);
    await world.kube.delete(networkPolicies, { namespace: 'default', name: 'deny' });
    await world.settle();
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 1 all allow', `ingress ${client} 6/8080/24 allow`]);
    await world.kube.delete(networkPolicies, { namespace: 'default', name: 'allow' });
    await world.settle();
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 0 all allow']);
  });

  it('knows ports of other clusters’ pods by their names, where those tell them', async () => {
    await meshed();
    await clientIdentity();
    const namedPorts = [{ name: 'http', port: 8080, protocol: 'TCP' }];
    await world.ip(east, podIp(east, 7), { id: client as IpIdentity['id'], namedPorts });
    const toClients = { to: [{ podSelector: { matchLabels: { app: 'client' }, ...fromAllClusters } }] };
    const egress = [{ ...toClients, ports: [{ port: 'http' }] }];
    await world.kube.create(networkPolicies, policy('out', { ...allPods, policyTypes: ['Egress'], egress }));
    await started();
    const toHttp = (port: number): string => `egress ${client} 6/${port}/24 allow`;
    expect(rows()).toContain(toHttp(8080));
    await world.ip(east, podIp(east, 8), {
      id: client as IpIdentity['id'],
      namedPorts: [{ name: 'http', port: 9090, protocol: 'TCP' }],
    });
    await world.settle();
    expect(rows()).toEqual(expect.arrayContaining([toHttp(8080), toHttp(9090)]));
    await world.delete(`${prefixOf(east, 'ip')}${podIp(east, 7)}`);
    await world.settle();
    expect(rows()).toContain(toHttp(9090));
    expect(rows()).not.toContain(toHttp(8080));
  });

  it('follows the identities of other clusters, and shows an address only after its rows (I2)', async () => {
    await meshed();
    await world.kube.create(networkPolicies, allowClients);
    const agent = await started();
    await world.ip(east, podIp(east, 7), { id: client as IpIdentity['id'] });
    await world.settle();
    expect(rows()).not.toContain(`ingress ${client} 6/8080/24 allow`);
    let rowsThen: readonly string[] | undefined;
    const updateBatch = world.maps.ipc_host.updateBatch.bind(world.maps.ipc_host);
    world.maps.ipc_host.updateBatch = (...batch) => {
      rowsThen ??= rows();
      updateBatch(...batch);
    };
    await clientIdentity();
    await world.settle();
    expect(rowsThen).toContain(`ingress ${client} 6/8080/24 allow`);
    await world.delete(`${prefixOf(east, 'identities')}${client}`);
    await world.settle();
    expect(rows()).not.toContain(`ingress ${client} 6/8080/24 allow`);
    expect(cluster(agent, east)).toMatchObject({ state: 'ready' });
  });

  it('does not serve a pod before policies are known', async () => {
    await meshed();
    const { list } = world.kube;
    let isServed = false;
    world.kube.list = async (resource, ...rest) => {
      if (resource.plural === 'networkpolicies' && !isServed) throw new Error('not now');
      return list.call(world.kube, resource, ...rest) as never;
    };
    const agent = await started();
    expect(endpoints()).toEqual([]);
    expect(agent.status().datapath.problems).toContain(
      'pod default/echo-1: what policies say of it is not in the maps yet',
    );
    isServed = true;
    await world.settle(minutes);
    expect(endpoints()).toEqual([['10.1.1.1', web, 0]]);
  });

  it('notices when the definition of Cilium’s policies comes, and when it goes', async () => {
    await meshed();
    await started();
    await world.kube.create(customResourceDefinitions, ciliumPolicies);
    await world.kube.create(
      ciliumNetworkPolicies,
      policy('cilium', { endpointSelector: {}, egress: [{ toEntities: ['host'] }] }),
    );
    await world.settle(minutes);
    expect(rows()).toEqual(['egress 1 all allow', 'ingress 0 all allow']);
    await world.kube.delete(customResourceDefinitions, { name: 'ciliumnetworkpolicies.cilium.io' });
    await world.settle(minutes);
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 0 all allow']);
  });

  it('judges pods that are not published by their own labels, under numbers that outlive the agent', async () => {
    await meshed();
    await world.namespace(false);
    await world.delete(`${prefixOf(west, 'ip')}${podIp(west, 1)}`);
    await world.kube.create(networkPolicies, denyAll);
    const first = await started();
    expect(endpoints()).toEqual([['10.1.1.1', 2, 0x0200_0001]]);
    expect(rows(0x0200_0001)).toEqual(['ingress 1 all allow']);
    await world.stop(first);
    await started();
    expect(endpoints()).toEqual([['10.1.1.1', 2, 0x0200_0001]]);
    expect(rows(0x0200_0001)).toEqual(['ingress 1 all allow']);
  });

  it('knows the networks of policies by identities of its own, with the way of the pod CIDRs around them', async () => {
    await meshed();
    const egress = [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.2.1.128/25', `${podIp(east, 1)}/32`] } }] }];
    await world.kube.create(networkPolicies, policy('egress', { ...allPods, policyTypes: ['Egress'], egress }));
    const agent = await started();
    const shown = networks(agent).map((entry) => {
      const { address, identity, nodeAddress } = entry as { address: string; identity: number; nodeAddress: string };
      return `${address} ${identity < 256 ? identity : 'own'} ${nodeAddress}`;
    });
    expect(shown.sort()).toEqual([
      '10.0.0.0/8 own ',
      `10.2.1.0/24 own ${nodeIp(east)}`,
      `10.2.1.128/25 own ${nodeIp(east)}`,
    ]);
    // What a cluster says of a single address counts, whatever a policy says of it.
    const one = [...agent.listings.ipcache('')].find(({ address }) => address === podIp(east, 1));
    expect(one).toMatchObject({ identity: identityOf(east), cluster: 'east' });
    expect(rows().filter((row) => row.startsWith('egress'))).toHaveLength(1);
    await world.kube.delete(networkPolicies, { namespace: 'default', name: 'egress' });
    await world.settle(minutes);
    expect(networks(agent)).toMatchObject([{ address: '10.2.1.0/24', identity: 9 }]);
  });

  it('knows an exception of a network before it allows the network', async () => {
    await meshed();
    await world.kube.create(networkPolicies, denyAll);
    await started();
    const exceptions: number[] = [];
    const update = world.maps.policy.update.bind(world.maps.policy);
    world.maps.policy.update = (key, value) => {
      if (decodePolicyKey(key).direction === 'egress') exceptions.push(networksInMap());
      update(key, value);
    };
    const networksInMap = (): number =>
      [...world.maps.ipc_cidr.entries()].filter(([, value]) => decodeIpcacheValue(value).identity > 0x0100_0000).length;
    const egress = [{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['192.0.2.0/24'] } }] }];
    await world.kube.create(networkPolicies, policy('egress', { ...allPods, policyTypes: ['Egress'], egress }));
    await world.settle();
    expect(rows()).toContain('egress 9 all allow');
    expect([...new Set(exceptions)]).toEqual([1]);
  });

  it('has identities for nodes: its own, and others', async () => {
    await meshed();
    const agent = await started();
    const found = [...agent.listings.ipcache('')].filter(({ identity }) => identity < 9);
    expect(found.map(({ address, identity }) => [address, identity])).toEqual([
      [nodeIp(west), 1],
      [nodeIp(east), 6],
    ]);
    await world.delete(`${prefixOf(east, 'nodes')}node1`);
    await world.settle();
    expect([...agent.listings.ipcache('')].some(({ identity }) => identity === 6)).toBe(false);
  });

  it('leaves everything in force over a restart, and takes away only what nobody wants any more (I7)', async () => {
    await meshed();
    await clientIdentity();
    await world.kube.create(networkPolicies, denyAll);
    await world.kube.create(networkPolicies, allowClients);
    const first = await started();
    const before = rows();
    await world.stop(first);
    // While no agent ran: a policy less, a pod less.
    await world.kube.delete(networkPolicies, { namespace: 'default', name: 'deny' });
    const seen: string[] = [];
    const remove = world.maps.policy.delete.bind(world.maps.policy);
    world.maps.policy.delete = (key) => {
      seen.push(rows().join());
      return remove(key);
    };
    await started();
    expect(before).toEqual(['ingress 1 all allow', `ingress ${client} 6/8080/24 allow`]);
    expect(rows()).toEqual(['egress 0 all allow', ...before]);
    expect(seen).toEqual([]);
    await world.kube.delete(pods, { namespace: 'default', name: 'echo-1' }, { gracePeriodSeconds: 0 });
    await world.settle(minutes);
    expect(rows()).toEqual([]);
    expect([...world.maps.policy_len.entries()]).toEqual([]);
  });

  it('sweeps rows of subjects and identities that are gone, once it knows that', async () => {
    await meshed();
    await clientIdentity();
    await world.kube.create(networkPolicies, allowClients);
    const first = await started();
    await world.stop(first);
    await world.delete(`${prefixOf(east, 'identities')}${client}`);
    await world.canaries(east);
    await started();
    await world.settle(2 * minutes);
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 1 all allow']);
  });

  it('tells at once of a rule that it cannot serve, at the policy and in its status', async () => {
    await meshed();
    await world.kube.create(customResourceDefinitions, ciliumPolicies);
    const l7 = [{ fromEndpoints: [{}], toPorts: [{ ports: [{ port: '80' }], rules: { http: [{ method: 'GET' }] } }] }];
    await world.kube.create(ciliumNetworkPolicies, policy('layer-7', { endpointSelector: {}, ingress: l7 }));
    const agent = await started();
    await world.settle(minutes);
    const { items } = await world.kube.list(events);
    const told = items.filter(({ reason }) => reason === 'PolicyRuleRefused');
    expect(told).toMatchObject([
      {
        type: 'Warning',
        involvedObject: {
          kind: 'CiliumNetworkPolicy',
          namespace: 'default',
          name: 'layer-7',
          apiVersion: 'cilium.io/v2',
        },
        message: expect.stringContaining('ingress[0]'),
      },
    ]);
    expect(agent.status().policy).toMatchObject({
      ...{ scope: 'mesh', synced: true, policies: 1, subjects: 1, refusedRules: 1 },
      refused: [{ kind: 'CiliumNetworkPolicy', namespace: 'default', name: 'layer-7' }],
    });
    expect([...agent.listings.policies()]).toMatchObject([{ name: 'layer-7', directions: ['ingress'], rules: 1 }]);
    expect(rows()).toEqual(['egress 0 all allow', 'ingress 1 all allow']);
    const text = await agent.metrics.registry.metrics();
    expect(text).toContain('clustermesh_agent_policy_rules_refused 1');
    expect(text).toContain('cilium_policy 1');
    await world.kube.delete(ciliumNetworkPolicies, { namespace: 'default', name: 'layer-7' });
    await world.settle(minutes);
    expect(agent.status().policy).toMatchObject({ policies: 0, refusedRules: 0 });
  });

  it('tells what the maps had no room for, and lets nothing through by that', async () => {
    world = new World({ policy: 3, policy_len: 16 });
    await world.local([1]);
    await webIdentity();
    await world.remote(east);
    await world.pod('echo-1', podIp(west, 1));
    await world.kube.create(networkPolicies, allowClients);
    await clientIdentity();
    await clientIdentity(identityOf(east, 8));
    const agent = await started();
    expect(agent.status().policy).toMatchObject({ rows: 3, refusedRows: 1 });
    expect(agent.status().datapath.problems).toContainEqual(expect.stringMatching(/^1 rows of policies: /));
    await world.settle(seconds);
    expect(agent.status().health).toContainEqual(expect.objectContaining({ name: 'policy/room', state: 'degraded' }));
    await world.delete(`${prefixOf(east, 'identities')}${client}`);
    await world.settle(minutes);
    expect(agent.status().policy).toMatchObject({ rows: 3, refusedRows: 0 });
    expect(agent.status().health).toContainEqual(expect.objectContaining({ name: 'policy/room', state: 'ok' }));
  });
});
