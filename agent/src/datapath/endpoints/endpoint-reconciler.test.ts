import { describe, expect, it } from '@jest/globals';
import type { Pod } from '@clustermesh/kube';
import { formatIp, parseLabel } from '@clustermesh/wire';
import type { ClusterName, LabelArray } from '@clustermesh/wire';

import { memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { decodeEndpoint } from '../../maps/endpoint.ts';
import type { EndpointRecord } from '../../maps/endpoint.ts';
import { EndpointTable } from '../../tables/endpoint-table.ts';
import type { IpcacheTable } from '../../tables/ipcache-table.ts';
import { noDevices } from './devices.ts';
import { PodSubjects } from '../../policy/pod-subjects.ts';
import type { PodSubject } from '../../policy/pod-subjects.ts';
import type { Devices, PodInterface } from './devices.ts';
import { EndpointProgrammer } from './endpoint-programmer.ts';
import { EndpointReconciler } from './endpoint-reconciler.ts';

/** A node whose interfaces are numbered by the last byte of their pods' addresses. */
class World implements Devices {
  readonly attachedInterfaces = 0;
  readonly problems: readonly string[] = [];
  readonly table = new EndpointTable();
  readonly maps = memoryDatapathMaps();
  readonly attached = new Set<number>();
  /** Addresses whose interfaces are not found now. */
  readonly hidden = new Set<string>();
  /** Interfaces that nothing can be attached to. */
  readonly broken = new Set<number>();
  /** What policies say of these is not known yet. */
  readonly unready = new Set<number>();
  readonly wanted: PodSubject[] = [];
  readonly kept: (readonly number[])[] = [];
  identity = 65_540;
  /** Of the identity. */
  labels: LabelArray = [];
  isGlobal = true;
  readonly reconciler = new EndpointReconciler({
    table: this.table,
    ipcache: {
      find: () => (this.isGlobal ? { clusterId: 1, identity: this.identity, state: 'programmed' } : undefined),
    } as unknown as IpcacheTable,
    identities: { get: (identity) => ({ identity, clusterId: 1, labels: this.labels }) },
    namespaces: { isGlobal: () => this.isGlobal },
    subjects: new PodSubjects({
      localCluster: 'west' as ClusterName,
      namespaces: { labelsOf: () => ({ team: 'shop' }) },
      restored: [],
    }),
    policy: {
      isReady: (subject) => !this.unready.has(subject),
      want: (subjects) => void this.wanted.push(...subjects),
      keep: (numbers) => void this.kept.push([...numbers]),
    },
    programmer: new EndpointProgrammer({ byIp: this.maps.ep_ip, byInterface: this.maps.ep_if }),
    devices: this,
    localClusterId: 1,
  });

  pod(name: string, podIP: string, labels: Readonly<Record<string, string>> = {}): Pod {
    const pod = { metadata: { name, namespace: 'demo', labels }, spec: {}, status: { podIP } } as Pod;
    this.table.upsert(pod);
    return pod;
  }

  async watch(): Promise<void> {}

  async reconcile(): Promise<readonly string[]> {
    await this.reconciler.reconcile(true, new AbortController().signal);
    return this.reconciler.pending.map(({ name, reason }) => `${name}: ${reason}`);
  }

  endpoints(): readonly string[] {
    return [...this.maps.ep_ip.entries()].map(([address]) => formatIp(address));
  }

  records(): readonly EndpointRecord[] {
    return [...this.maps.ep_ip.entries()].map(([, value]) => decodeEndpoint(value));
  }

  async podInterfaces(addresses: readonly Uint8Array[], signal: AbortSignal): Promise<Map<string, PodInterface>> {
    const shown = addresses.filter((address) => !this.hidden.has(formatIp(address)));
    const found = await noDevices.podInterfaces(shown, signal);
    return new Map([...found].map(([key, pod]) => [key, { ...pod, ifindex: pod.ifindex & 0xff }]));
  }

  attachPod({ ifindex }: PodInterface): void {
    if (this.broken.has(ifindex)) throw new Error('no such device');
    this.attached.add(ifindex);
  }

  keepAttached(ifindexes: ReadonlySet<number>): void {
    for (const ifindex of this.attached) if (!ifindexes.has(ifindex)) this.attached.delete(ifindex);
  }
}

describe('EndpointReconciler', () => {
  it('takes away what is no pod\u2019s any more', async () => {
    const world = new World();
    const pod = world.pod('a', '10.1.0.5');
    world.pod('b', '10.1.0.6');
    await world.reconcile();
    expect([...world.attached]).toEqual([5, 6]);
    world.table.remove(pod);
    expect(await world.reconcile()).toEqual([]);
    expect([...world.attached]).toEqual([6]);
    expect(world.endpoints()).toEqual(['10.1.0.6']);
  });

  it('leaves the program at a pod whose interface is not found for a while (I7)', async () => {
    const world = new World();
    world.pod('a', '10.1.0.5');
    await world.reconcile();
    world.hidden.add('10.1.0.5');
    expect(await world.reconcile()).toEqual(['a: its interface is not there yet']);
    expect([...world.attached]).toEqual([5]);
    expect(world.endpoints()).toEqual(['10.1.0.5']);
  });

  it('serves the other pods when one cannot be served, and says which', async () => {
    const world = new World();
    world.broken.add(5);
    world.pod('a', '10.1.0.5');
    world.pod('b', '10.1.0.6');
    expect(await world.reconcile()).toEqual(['a: no such device']);
    expect([...world.attached]).toEqual([6]);
    expect(world.reconciler.isComplete).toBe(true);
    world.broken.clear();
    expect(await world.reconcile()).toEqual([]);
    expect([...world.attached].sort()).toEqual([5, 6]);
  });

  it('attaches to a pod, and tells the programs of it, only once its policy is in the maps', async () => {
    const world = new World();
    world.unready.add(65_540);
    world.pod('a', '10.1.0.5');
    expect(await world.reconcile()).toEqual(['a: what policies say of it is not in the maps yet']);
    expect(world.endpoints()).toEqual([]);
    expect([...world.attached]).toEqual([]);
    expect(world.wanted).toMatchObject([{ number: 65_540, labels: undefined }]);
    world.unready.clear();
    expect(await world.reconcile()).toEqual([]);
    expect(world.endpoints()).toEqual(['10.1.0.5']);
  });

  it('leaves a pod its old identity until the rows of the new one are there, and gives up those of the old one after', async () => {
    const world = new World();
    world.pod('a', '10.1.0.5');
    await world.reconcile();
    world.identity = 65_541;
    world.unready.add(65_541);
    await world.reconcile();
    expect(world.records()).toMatchObject([{ identity: 65_540, subject: 0 }]);
    expect(world.kept.at(-1)).toEqual([65_540, 65_541]);
    expect(world.reconciler.missing).toBeUndefined();
    world.unready.clear();
    await world.reconcile();
    expect(world.records()).toMatchObject([{ identity: 65_541, subject: 0 }]);
    expect(world.kept.at(-1)).toEqual([65_541]);
  });

  it('gives a pod no identity that its address has from another pod: neither entry nor programs before its own', async () => {
    const world = new World();
    world.labels = ['k8s:app=a', 'k8s:io.kubernetes.pod.namespace=demo'].map(parseLabel);
    world.table.remove(world.pod('a', '10.1.0.5'));
    world.pod('b', '10.1.0.5', { app: 'b' });
    expect(await world.reconcile()).toEqual(['b: its address is still published as another pod’s']);
    expect(world.reconciler.isBehind).toBe(false);
    expect(world.endpoints()).toEqual([]);
    world.identity = 65_541;
    world.labels = ['k8s:app=b', 'k8s:io.kubernetes.pod.namespace=demo'].map(parseLabel);
    expect(world.reconciler.isBehind).toBe(true);
    expect(await world.reconcile()).toEqual([]);
    expect(world.records()).toMatchObject([{ identity: 65_541 }]);
  });

  it('a pod whose labels change keeps its identity until it is published anew', async () => {
    const world = new World();
    world.labels = ['k8s:app=a', 'k8s:io.kubernetes.pod.namespace=demo'].map(parseLabel);
    world.pod('a', '10.1.0.5', { app: 'a' });
    await world.reconcile();
    world.pod('a', '10.1.0.5', { app: 'b' });
    expect(await world.reconcile()).toEqual([]);
    expect(world.records()).toMatchObject([{ identity: 65_540 }]);
  });

  it('gives a pod that is not published a subject of its own, with its labels (ADR 118)', async () => {
    const world = new World();
    world.isGlobal = false;
    world.pod('a', '10.1.0.5');
    world.pod('b', '10.1.0.6');
    await world.reconcile();
    expect(world.records()).toMatchObject([
      { identity: 2, subject: 0x0200_0001 },
      { identity: 2, subject: 0x0200_0002 },
    ]);
    const labels = world.wanted[0]?.labels?.map(({ key, value }) => `${key}=${value}`);
    expect(labels).toContain('io.cilium.k8s.namespace.labels.team=shop');
    expect(labels).toContain('io.cilium.k8s.policy.cluster=west');
  });
});
