import { loadObject, testRun } from '@clustermesh/ebpf';
import type { LoadedObject, RingBuffer } from '@clustermesh/ebpf';
import { direction, readCounters, reason } from './counters.ts';
import { smallMaps, testBpffs, testObject } from './kernel.ts';
import { skbContext, tunnelContext } from './packets.ts';
import { PolicyRows } from './policy-rows.ts';
import type { PolicyDirection, Region } from './records.ts';
import { address, cidrKey, endpoint, hostKey, ipcacheEntry, node, u32 } from './records.ts';
import { frameOf } from './transport.ts';
import type { Packet } from './transport.ts';

/** Who is who. */
export const pod = { ip: '10.1.0.2', ip6: 'fd00:10:1::2', identity: 65_540, subject: 65_540 } as const;
/** Another pod of the same node. */
export const neighbour = { ip: '10.1.0.3', ip6: 'fd00:10:1::3', identity: 65_541 } as const;
/** A pod of another cluster. */
export const remote = { ip: '10.2.0.5', ip6: 'fd00:10:2::5', identity: 131_080, node: '172.30.2.11' } as const;
export const world = { ip: '198.51.100.7', ip6: '2001:db8::7', identity: 9, identity6: 10 } as const;
export const host = { ip: '172.30.1.11', identity: 1 } as const;

export const scope = { none: 0, mesh: 1, all: 2 } as const;

/** What a program did with a packet, and in what words it was counted. */
export type Outcome = 'passed' | 'tunnelled' | 'delivered' | 'answered' | keyof typeof reason;

const loopback = 1;
const neighbourInterface = 7;
const verdict = { next: -1, drop: 2, redirect: 7 } as const;

const macs = { mac: '02:00:00:00:00:01', hostMac: '02:00:00:00:00:02' };

/** A node with a pod, and the programs at its interface and at the tunnel, on packets that a test gives them. */
export class JudgedPod implements Disposable {
  readonly #made = new DisposableStack();
  readonly #container: LoadedObject;
  readonly #overlay: LoadedObject;
  readonly #rows: PolicyRows;
  #events: RingBuffer | undefined;

  constructor(options: { scope: keyof typeof scope; rodata?: Readonly<Record<string, number>>; maxEntries?: object }) {
    const pinDir = `${this.#made.use(testBpffs()).path}/maps`;
    const maxEntries = { ...smallMaps, ...options.maxEntries };
    const settings = { policy_scope: scope[options.scope], ...options.rodata };
    const container = { ...settings, local_cluster_id: 1, vxlan_ifindex: loopback };
    const { tunnel_mtu: _, tunnel_mtu6: __, ...overlay } = settings as Record<string, number>;
    this.#container = this.#made.use(
      loadObject({ path: testObject('container'), pinDir, maxEntries, rodata: container }),
    );
    this.#overlay = this.#made.use(loadObject({ path: testObject('overlay'), pinDir, maxEntries, rodata: overlay }));
    this.#rows = new PolicyRows((name) => this.map(name), pod.subject);
    this.#addEndpoints();
    this.#addIdentities();
  }

  #addEndpoints(): void {
    const row = { ifindex: loopback, identity: pod.identity, ip: pod.ip, ...macs };
    this.map('ep_if').update(u32(loopback), endpoint(row));
    for (const ip of [pod.ip, pod.ip6]) this.map('ep_ip').update(address(ip), endpoint({ ...row, ip }));
    const other = { ...row, ifindex: neighbourInterface, identity: neighbour.identity };
    for (const ip of [neighbour.ip, neighbour.ip6]) this.map('ep_ip').update(address(ip), endpoint({ ...other, ip }));
  }

  #addIdentities(): void {
    this.map('node').update(u32(1), node(remote.node, 2));
    const hosts = this.map('ipc_host');
    for (const { ip, ip6, identity } of [pod, neighbour]) {
      for (const each of [ip, ip6]) hosts.update(hostKey(each), ipcacheEntry(identity, 0));
    }
    for (const ip of [remote.ip, remote.ip6]) hosts.update(hostKey(ip), ipcacheEntry(remote.identity, 1));
    hosts.update(hostKey(host.ip), ipcacheEntry(host.identity, 0));
    this.map('ipc_cidr').update(cidrKey('10.2.0.0', 16), ipcacheEntry(2, 1));
  }

  map(name: string): ReturnType<LoadedObject['map']> {
    return this.#container.map(name);
  }

  /** Rows, flows, fragments and events are gone; the subject is ready in no direction. */
  clear(): void {
    this.#rows.clear();
    for (const name of ['ct', 'frag']) for (const [key] of [...this.map(name).entries()]) this.map(name).delete(key);
    this.events();
  }

  allow(way: PolicyDirection, who: number, at?: Region, rule?: number): this {
    this.#rows.allow(way, who, at, rule);
    return this;
  }

  deny(way: PolicyDirection, who: number, at?: Region, rule?: number): this {
    this.#rows.deny(way, who, at, rule);
    return this;
  }

  isolate(way: PolicyDirection): this {
    this.#rows.isolate(way);
    return this;
  }

  /** From the pod. */
  send(packet: Packet): Outcome {
    return this.#outcome(() => this.run('mesh_from_container', frameOf(packet)).verdict, direction.egress);
  }

  /** To the pod, by way of the node. */
  receive(packet: Packet, change: (frame: Uint8Array) => Uint8Array = (frame) => frame): Outcome {
    return this.#outcome(() => this.run('mesh_to_container', change(frameOf(packet))).verdict, direction.ingress);
  }

  /** To the pod, from the tunnel. */
  arrive(packet: Packet, vni: number = remote.identity, outerSource: string = remote.node): Outcome {
    const program = this.#overlay.program('test_from_overlay');
    const context = tunnelContext(vni, outerSource);
    return this.#outcome(() => testRun({ program, data: frameOf(packet), context }).verdict, direction.ingress);
  }

  run(name: string, data: Uint8Array, context = skbContext({ ifindex: loopback })): ReturnType<typeof testRun> {
    return testRun({ program: this.#container.program(name), data, context });
  }

  /** What people were told since it was asked last. */
  events(): readonly Uint8Array[] {
    this.#events ??= this.#container.ringBuffer('events');
    const records: Uint8Array[] = [];
    this.#events.consume((record) => records.push(record.slice()), 1_000_000);
    return records;
  }

  #outcome(run: () => number, way: number): Outcome {
    const before = this.#counts(way);
    const said = run();
    const counted = [...this.#counts(way)].find(([number, count]) => count !== before.get(number))?.[0];
    const why = Object.entries(reason).find(([, number]) => number === counted)?.[0] as keyof typeof reason | undefined;
    if (said === verdict.drop) return why ?? 'truncated';
    if (said === verdict.redirect && way === direction.ingress) return 'delivered';
    if (said === verdict.redirect) return why === 'tooBig' ? 'answered' : 'tunnelled';
    return 'passed';
  }

  #counts(way: number): ReadonlyMap<number, number> {
    const ofWay = readCounters(this.map('metrics')).filter((c) => c.direction === way && c.reason !== reason.eventLost);
    return new Map(ofWay.map(({ reason: number, count }) => [number, count]));
  }

  [Symbol.dispose](): void {
    this.#made.dispose();
  }
}
