import { describe, expect, it } from '@jest/globals';
import type { Pod } from '@clustermesh/kube';
import { formatIp } from '@clustermesh/wire';

import { memoryDatapathMaps } from '../maps/datapath-maps.ts';
import { EndpointTable } from '../tables/endpoint-table.ts';
import type { IpcacheTable } from '../tables/ipcache-table.ts';
import { noDevices } from './devices.ts';
import type { Devices, PodInterface } from './devices.ts';
import { EndpointProgrammer } from './endpoint-programmer.ts';
import { EndpointReconciler } from './endpoint-reconciler.ts';

/** A node whose interfaces are numbered by the last byte of their pods' addresses. */
class World implements Devices {
  readonly problems: readonly string[] = [];
  readonly table = new EndpointTable();
  readonly maps = memoryDatapathMaps();
  readonly attached = new Set<number>();
  /** Addresses whose interfaces are not found now. */
  readonly hidden = new Set<string>();
  /** Interfaces that nothing can be attached to. */
  readonly broken = new Set<number>();
  readonly reconciler = new EndpointReconciler({
    table: this.table,
    ipcache: { find: () => ({ clusterId: 1, identity: 65_540, state: 'programmed' }) } as unknown as IpcacheTable,
    namespaces: { isGlobal: () => true },
    programmer: new EndpointProgrammer({ byIp: this.maps.ep_ip, byInterface: this.maps.ep_if }),
    devices: this,
    localClusterId: 1,
  });

  pod(name: string, podIP: string): Pod {
    const pod = { metadata: { name, namespace: 'demo' }, spec: {}, status: { podIP } } as Pod;
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
});
