import { describe, expect, it } from '@jest/globals';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { FakeClock } from '@clustermesh/runtime';
import { formatIp, ipIdentityCodec, parseIp } from '@clustermesh/wire';
import type { ClusterId, ClusterName, IpIdentity, SourceContext } from '@clustermesh/wire';

import { smallSizes } from '../../datapath/sim/testing/small-sizes.ts';
import { memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { encodeEndpoint } from '../../maps/endpoint.ts';
import {
  encodeCidrKey,
  encodeHostKey,
  encodeIpcacheValue,
  hostKeyLayout,
  ipcacheValueLayout,
} from '../../maps/ipcache.ts';
import type { Published } from '../../ingest/cluster-feed.ts';
import type { NodeReport } from '../../probe/ways.ts';
import type { IpcacheEntry } from '../../status/agent-status.ts';
import type { NodeRow } from '../../tables/node-table.ts';
import { knownPolicy } from '../testing/known-policy.ts';
import type { KnownPolicy } from '../testing/known-policy.ts';
import { AddressFacts } from './address-facts.ts';
import { explainFlow } from './explain-flow.ts';
import type { ExplainRequest } from './explain-flow.ts';

const own = address('10.1.0.2');
const own6 = address('fd00:1::2');
const remote = address('10.2.0.5');
const eastUnderlay = address('172.30.2.11');
const identity = 65_540;
const eastIdentity = 131_080;
const signal = new AbortController().signal;
const web = { namespace: 'demo', name: 'web' };

function address(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array();
}

function ipcacheValue(id: number, nodeIndex: number): Uint8Array {
  const value = new Uint8Array(ipcacheValueLayout.size);
  encodeIpcacheValue({ identity: id, nodeIndex, flags: 0 }, value);
  return value;
}

function hostKey(ip: Uint8Array): Uint8Array {
  const key = new Uint8Array(hostKeyLayout.size);
  encodeHostKey(ip, key);
  return key;
}

const entry: IpcacheEntry = {
  ...{ address: '10.2.0.5', identity: eastIdentity, nodeAddress: '172.30.2.11', cluster: 'east' },
  ...{ key: 'cilium/cache/ip/v1/east/10.2.0.5', state: 'programmed', reason: '' },
};

interface Known extends KnownPolicy {
  readonly isAway?: boolean;
  readonly entries?: Readonly<Record<string, IpcacheEntry>>;
  readonly reports?: readonly NodeReport[];
}

/** Node n1 of cluster west, with pod demo/web, and cluster east with demo/echo behind one node. */
class World {
  readonly clock = new FakeClock();
  readonly maps = memoryDatapathMaps(smallSizes);
  readonly server = new MemoryKvServer({ clock: this.clock });
  readonly kv = new MemoryKvStore(this.server, { clock: this.clock, leaseTtlSeconds: 1_000 });

  constructor() {
    const macs = { mac: new Uint8Array(6), hostMac: new Uint8Array(6) };
    const endpoint = { ifindex: 7, identity, endpointId: 1, subject: 0, ...macs };
    for (const ip of [own, own6]) this.maps.ep_ip.update(ip, encodeEndpoint({ ...endpoint, address: ip }));
    this.maps.ipc_host.update(hostKey(own), ipcacheValue(identity, 0));
    this.maps.ipc_host.update(hostKey(remote), ipcacheValue(eastIdentity, 1));
    this.maps.ipc_cidr.update(encodeCidrKey(address('10.2.0.0'), 120), ipcacheValue(2, 1));
  }

  async publish(ip: string, pod = 'echo'): Promise<void> {
    const value: IpIdentity = {
      ...{ ip, mask: null, hostIp: '172.30.2.11', id: eastIdentity as IpIdentity['id'], key: 0, metadata: '' },
      ...{ k8sNamespace: 'demo', k8sPodName: pod, k8sServiceAccount: '', namedPorts: [] },
    };
    const key = `cilium/cache/ip/v1/east/${ip}`;
    await this.kv.commit([{ kind: 'put', key, value: ipIdentityCodec.encode(value) }]);
  }

  async explain(request: Partial<ExplainRequest>, known: Known = {}) {
    const policy = knownPolicy(known);
    const node = { clusterId: 2, underlay: eastUnderlay, cluster: 'east', name: 'e1' } as unknown as NodeRow;
    const facts = new AddressFacts({
      maps: this.maps,
      state: {
        nodes: { rows: () => [node].values() },
        nodeIndexes: { underlay: () => eastUnderlay, clusterId: () => 2 },
      },
      nodeProbe: { reports: () => known.reports ?? [] },
      entryOf: (ip) => known.entries?.[formatIp(ip)],
      nameOfCluster: (id) => (id === 2 ? 'east' : ''),
      localClusterId: 1,
    });
    const party = (ip: Uint8Array, port: number, id: number) => ({
      ...{ address: formatIp(ip), port, identity: id, cluster: '', namespace: '', pod: '', labels: [] },
    });
    const endpoints = { rows: () => [own, own6].map((ip) => ({ ...web, address: ip })).values() };
    const east: SourceContext = {
      cluster: 'east' as ClusterName,
      clusterId: 2 as ClusterId,
      maxConnectedClusters: 255,
    };
    const read = {
      context: east,
      kv: known.isAway === true ? undefined : this.kv,
      prefixOf: () => 'cilium/cache/ip/v1/east/',
    };
    const published = (cluster: string): Published | undefined => (cluster === 'east' ? read : undefined);
    const find = { endpoints, localCluster: 'west', published, clock: this.clock };
    const names = { learn: () => Promise.resolve() };
    const parties = { party, owned: () => undefined };
    const options = { policy, maps: this.maps, facts, parties, names, find, cluster: 'west', node: 'n1' };
    const asked = { source: 'demo/web', destination: '10.2.0.5', protocol: 6, port: 80, ...request };
    return explainFlow(asked, options, signal);
  }
}

describe('explainFlow', () => {
  it('says what this node knows of a flow that begins here', async () => {
    const report = {
      cluster: 'east',
      node: 'e1',
      verdict: 'reachable',
      reachable: true,
      rttMs: 0.4,
      lastReplyMs: 1,
    } as const;
    const known = { subjects: { '10.1.0.2': { ...web, subject: identity, identity } }, entries: { '10.2.0.5': entry } };
    const result = await new World().explain({}, { ...known, reports: [report] });
    expect(result).toMatchObject({
      ok: true,
      value: {
        ...{ cluster: 'west', node: 'n1', policyScope: 'mesh', policySynced: true, problems: [] },
        source: { party: { address: '10.1.0.2', identity }, endpoint: { ifindex: 7, identity, subject: identity } },
        destination: {
          party: { address: '10.2.0.5', port: 80, identity: eastIdentity },
          entry,
          row: { map: 'ipc_host', identity: eastIdentity, nodeIndex: 1, nodeAddress: '172.30.2.11' },
        },
        egress: { direction: 'egress', subject: identity, remote: eastIdentity, judged: true },
        path: {
          kind: 'tunnel',
          cluster: 'east',
          node: 'e1',
          nodeAddress: '172.30.2.11',
          reachable: 'reachable',
          rttMs: 0.4,
        },
      },
    });
    expect(result.ok && result.value.ingress).toBeUndefined();
  });

  it('says what this node knows of a flow that ends here', async () => {
    const result = await new World().explain({ source: '10.2.0.5', destination: 'west/demo/web' });
    expect(result.ok && result.value.ingress).toMatchObject({ subject: identity, remote: eastIdentity, judged: true });
    expect(result.ok && (result.value.egress ?? result.value.path)).toBeUndefined();
  });

  it.each([
    {
      name: 'an address in a network of another cluster',
      destination: '10.2.0.99',
      remote: 2,
      kind: 'tunnel',
      judged: true,
    },
    { name: 'an address that nobody has', destination: '192.0.2.1', remote: 9, kind: 'network', judged: false },
    { name: 'an IPv6 address that nobody has', destination: 'fd99::1', remote: 10, kind: 'network', judged: false },
  ])('goes by what the programs see of $name', async ({ destination, remote: id, kind, judged }) => {
    const result = await new World().explain({ destination });
    expect(result).toMatchObject({ ok: true, value: { egress: { remote: id, judged }, path: { kind } } });
  });

  it('finds pods of other clusters in what they publish, in the family of both', async () => {
    const world = new World();
    await world.publish('10.2.0.4', 'other');
    await world.publish('fd00:2::5');
    const result = await world.explain({ destination: 'east/demo/echo' });
    expect(result).toMatchObject({
      ok: true,
      value: { source: { party: { address: 'fd00:1::2' } }, destination: { party: { address: 'fd00:2::5' } } },
    });
  });

  it.each([
    {
      name: 'a text that is neither',
      destination: 'web',
      reason: '"web" is no address and no [CLUSTER/]NAMESPACE/POD',
    },
    {
      name: 'a cluster that is not connected',
      destination: 'north/demo/web',
      reason: 'cluster north is not connected',
    },
    {
      name: 'a pod that nobody publishes',
      destination: 'east/demo/none',
      reason: 'cluster east publishes no pod demo/none: give its address',
    },
  ])('refuses $name', async ({ destination, reason }) => {
    expect(await new World().explain({ destination })).toEqual({ ok: false, reason });
  });

  it('refuses pods of a cluster that is out of contact', async () => {
    const reason = 'there is no contact with cluster east: give the address';
    expect(await new World().explain({ destination: 'east/demo/echo' }, { isAway: true })).toEqual({
      ok: false,
      reason,
    });
  });

  it('refuses sides without an IP family in common', async () => {
    const result = await new World().explain({ source: '10.1.0.2', destination: 'fd00::1' });
    expect(result).toEqual({ ok: false, reason: '10.1.0.2 and fd00::1 have no IP family in common' });
  });

  it.each([
    {
      name: 'no scope',
      scope: 'none' as const,
      destination: '10.2.0.5',
      want: '--policy-scope=none: no traffic is judged',
    },
    {
      name: 'what stays in the cluster, at scope mesh',
      scope: 'mesh' as const,
      destination: '10.1.0.9',
      want: '--policy-scope=mesh: only what crosses clusters is judged, the rest is left to the CNI',
    },
    { name: 'nothing at scope all', scope: 'all' as const, destination: '10.1.0.9', want: '' },
  ])('says what is not judged: $name', async ({ scope, destination, want }) => {
    const result = await new World().explain({ destination }, { scope });
    expect(result).toMatchObject({ ok: true, value: { policyScope: scope, egress: { notJudged: want } } });
  });

  it.each([
    {
      name: 'another identity',
      change: { identity: 131_081 },
      want: '10.2.0.5 has identity 131080 in ipc_host, and should have 131081',
    },
    {
      name: 'not what is claimed',
      change: { state: 'waiting-for-identity' },
      want: '10.2.0.5 is waiting-for-identity: the programs do not see it as it is claimed',
    },
  ])('says that maps have $name', async ({ change, want }) => {
    const result = await new World().explain({}, { entries: { '10.2.0.5': { ...entry, ...change } } });
    expect(result).toMatchObject({ ok: true, value: { problems: [want] } });
  });
});
