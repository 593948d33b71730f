import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hrtime } from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadObject, mountBpffs, testRun, unmountBpffs } from '@clustermesh/ebpf';
import type { LoadedObject, RingBuffer } from '@clustermesh/ebpf';
import { formatIp, isIpv4 } from '@clustermesh/wire';

import { addressSize } from '../../../maps/address.ts';
import { decodeAffinity, encodeAffinity } from '../../../maps/affinity.ts';
import { decodeFlow, encodeFlow } from '../../../maps/conntrack.ts';
import { encodeServiceKey } from '../../../maps/service.ts';
import { probeLayout } from '../../../maps/probe.ts';
import type { PolicyMaps } from '../../policy-rows/policy-programmer.ts';
import { isRefusal } from '../decision.ts';
import { etherType, etherTypeOf, ipVersionOf, readFlow } from '../frame.ts';
import type { FlowTold } from '../ledger.ts';
import { changesOf, entriesOf } from './changes.ts';
import type { Moment } from './changes.ts';
import { frameOf } from './frames.ts';
import { countersIn, flowTold } from './kernel-records.ts';
import { addressOf, frontendOf, withdrawRow, writeContents } from './map-writer.ts';
import type { MapTarget, WrittenArray, WrittenMap } from './map-writer.ts';
import { smallSizes } from './small-sizes.ts';
import { localNode, ownInterface } from './vector-node.ts';
import type { Arrival, ConnectStep, Datapath, MapContents, Outcome, PacketStep, VectorSettings } from './vector.ts';
import { answerText, backendText, deliverText, tunnelText } from './verdict-text.ts';

const nsPerSecond = 1_000_000_000n;
const scopes = { none: 0, mesh: 1, all: 2 } as const;
const verdicts = { pass: -1, drop: 2, redirect: 7 } as const;

const calledMaps = ['svc', 'ipc_host', 'ipc_cidr', 'node_ip', 'ep_ip', 'ep_if', 'policy', 'policy_len'] as const;
const programMaps = ['ct', 'frag', 'aff'] as const;
const arrays = { slot: 8, backend: 32, node: 32, probe: 64 } as const;

/** The objects that tests load are built beside those that are shipped, with more to see. */
function testObject(name: 'container' | 'overlay' | 'service_select'): string {
  return fileURLToPath(new URL(`../../../../../bpf/tests/prebuilt/${name}.o`, import.meta.url));
}

/** The programs, as vectors use them: each packet is a test run (BPF_PROG_TEST_RUN). */
export class KernelDatapath implements Datapath, Disposable {
  readonly #made = new DisposableStack();
  readonly #container: LoadedObject;
  readonly #overlay: LoadedObject;
  readonly #sockets: LoadedObject;
  readonly #events: RingBuffer;
  readonly #target: MapTarget;
  /** Records of arrays that are not empty. */
  readonly #stored: { readonly array: WrittenArray; readonly index: number }[] = [];

  constructor({ scope, eventRate, tunnelMtu, tunnelMtu6 }: VectorSettings) {
    const dir = mkdtempSync(join(tmpdir(), 'clustermesh-vectors-'));
    mountBpffs(dir);
    this.#made.defer(() => {
      unmountBpffs(dir);
      rmdirSync(dir);
    });
    const policy = { policy_scope: Uint8Array.of(scopes[scope]), event_rate: eventRate };
    const node = {
      local_cluster_id: localNode.localClusterId,
      vxlan_ifindex: localNode.vxlanIfindex,
      local_underlay: localNode.localUnderlay,
      local_underlay6: localNode.localUnderlay6,
      tunnel_mtu: tunnelMtu,
      tunnel_mtu6: tunnelMtu6,
    };
    const options = { pinDir: join(dir, 'maps'), maxEntries: smallSizes };
    this.#container = this.#made.use(
      loadObject({ ...options, path: testObject('container'), rodata: { ...policy, ...node } }),
    );
    this.#overlay = this.#made.use(loadObject({ ...options, path: testObject('overlay'), rodata: policy }));
    this.#sockets = this.#made.use(loadObject({ ...options, path: testObject('service_select') }));
    this.#events = this.#container.ringBuffer('events');
    this.#target = {
      put: (map, key, value) => this.#map(map).update(key, value),
      take: (map, key) => void this.#map(map).delete(key),
      get: (map, key) => this.#map(map).lookup(key),
      store: (array, index, record) => {
        this.#stored.push({ array, index });
        this.#map(array).update(u32(index), record);
      },
    };
  }

  /** All maps are empty again. */
  clear(): void {
    for (const name of [...calledMaps, ...programMaps]) {
      const map = this.#map(name);
      for (const [key] of map.entries()) map.delete(key);
    }
    for (const { array, index } of this.#stored.splice(0)) {
      this.#map(array).update(u32(index), new Uint8Array(arrays[array]));
    }
    // The program writes here too.
    for (let index = 0; index < smallSizes.probe; index++) {
      this.#map('probe').update(u32(index), new Uint8Array(arrays.probe));
    }
    this.#takeEvents();
  }

  get policy(): PolicyMaps {
    return { rows: this.#map('policy'), lengths: this.#map('policy_len') };
  }

  write(contents: MapContents): void {
    writeContents(this.#target, contents);
  }

  withdraw(rows: readonly string[]): void {
    for (const row of rows) withdrawRow(this.#target, row);
  }

  /** The kernel's clock cannot be moved: what is remembered becomes older. */
  pass(seconds: number): void {
    const ns = BigInt(seconds) * nsPerSecond;
    const ct = this.#map('ct');
    for (const [key, value] of ct.entries()) {
      const flow = decodeFlow(value);
      ct.update(key, encodeFlow({ ...flow, expiresNs: flow.expiresNs - ns, createdNs: flow.createdNs - ns }));
    }
    const aff = this.#map('aff');
    for (const [key, value] of aff.entries()) {
      const choice = decodeAffinity(value);
      aff.update(key, encodeAffinity({ ...choice, lastUsedNs: choice.lastUsedNs - ns }));
    }
  }

  run(step: PacketStep | ConnectStep): Outcome {
    const before = this.#moment();
    if ('connect' in step) {
      const verdict = this.#connect(step);
      return { verdict, changes: changesOf(before, this.#moment(), [], 0) };
    }
    const frame = frameOf(step.packet);
    const verdict = this.give(step, frame);
    return { verdict, changes: changesOf(before, this.#moment(), this.#takeEvents(), frame.length) };
  }

  [Symbol.dispose](): void {
    this.#made.dispose();
  }

  give(arrival: Arrival, frame: Uint8Array): string {
    const { program, read } = this.#runnerOf(arrival, frame);
    const context = contextOf(arrival);
    const result = testRun({ program, data: frame, context });
    if (result.verdict === verdicts.pass) return 'pass';
    if (result.verdict === verdicts.drop) return 'drop';
    if (result.verdict !== verdicts.redirect) throw new Error(`the program returned ${result.verdict}`);
    return read(result.data);
  }

  #runnerOf(
    { hook }: Arrival,
    frame: Uint8Array,
  ): {
    readonly program: ReturnType<LoadedObject['program']>;
    readonly read: (frame: Uint8Array) => string;
  } {
    const [container, overlay] = [this.#container, this.#overlay];
    if (hook === 'to container') return { program: container.program('mesh_to_container'), read: () => 'redirect' };
    if (hook === 'from container') return { program: container.program('test_from_container'), read: tunnelSeen };
    if (etherTypeOf(frame) !== etherType.probe)
      return { program: overlay.program('test_from_overlay'), read: deliverText };
    return { program: overlay.program('test_sent_back'), read: sentBack };
  }

  #connect({ connect, netns, draw, isHost = false }: ConnectStep): string {
    const data = new Uint8Array(128);
    const view = new DataView(data.buffer);
    data.set(encodeServiceKey(frontendOf(connect)), callLayout.frontend);
    view.setBigUint64(callLayout.netnsCookie, BigInt(netns), true);
    view.setUint32(callLayout.draw, draw, true);
    view.setUint32(callLayout.isHost, isHost ? 1 : 0, true);
    const { verdict, data: after } = testRun({ program: this.#sockets.program('test_service_select'), data });
    const kind = selectionKinds[verdict] ?? `verdict ${verdict}`;
    if (kind !== 'selected') return kind;
    const port = new DataView(after.buffer, after.byteOffset).getUint16(callLayout.port, false);
    return backendText(after.slice(callLayout.address, callLayout.address + addressSize), port);
  }

  #moment(): Moment {
    const entries = (name: (typeof programMaps)[number] | 'policy') => entriesOf(this.#map(name).entries());
    const probes = Array.from(
      { length: smallSizes.probe },
      (_, index) => this.#map('probe').lookup(u32(index)) ?? new Uint8Array(probeLayout.size),
    );
    const counters = countersIn(this.#container.map('metrics'));
    const state = { ct: entries('ct'), frag: entries('frag'), aff: entries('aff'), policy: entries('policy') };
    return { state: { ...state, probes, counters }, nowNs: hrtime.bigint() };
  }

  #takeEvents(): readonly FlowTold[] {
    const told: FlowTold[] = [];
    while (this.#events.consume((record) => told.push(flowTold(record)), 1_000) > 0);
    return told;
  }

  #map(name: WrittenMap | WrittenArray | (typeof programMaps)[number]): ReturnType<LoadedObject['map']> {
    if (name === 'svc' || name === 'slot' || name === 'backend' || name === 'aff') return this.#sockets.map(name);
    return name === 'node_ip' || name === 'probe' ? this.#overlay.map(name) : this.#container.map(name);
  }
}

/** struct arguments of bpf/tests/service_select.bpf.c, behind 14 bytes. */
const callLayout = { frontend: 14, netnsCookie: 38, draw: 46, isHost: 50, address: 54, port: 70 } as const;
const selectionKinds = ['no service', 'selected', 'no backend', 'stale'];

/** struct __sk_buff */
const contextLayout = { size: 192, mark: 8, ifindex: 40, cb: 48 } as const;
/** The outer addresses are of IPv6: bpf/tests/overlay.bpf.c. */
const outerIsIpv6 = 6;

/** What the packet has beside it; a tunnel's key is made of it by bpf/tests/overlay.bpf.c. */
function contextOf({ outer, interface: ifindex = ownInterface }: Arrival): Uint8Array {
  const context = new Uint8Array(contextLayout.size);
  const view = new DataView(context.buffer);
  view.setUint32(contextLayout.ifindex, ifindex, true);
  if (outer === undefined) return context;
  const address = addressOf(outer.source);
  const words = isIpv4(address) ? [12] : [0, 4, 8, 12];
  const addressView = new DataView(address.buffer);
  view.setUint32(contextLayout.cb, outer.vni, true);
  view.setUint32(contextLayout.mark, isIpv4(address) ? 0 : outerIsIpv6, true);
  words.forEach((at, index) => {
    // Of IPv4 a number, of IPv6 words as they lie in memory.
    const word = addressView.getUint32(at, !isIpv4(address));
    view.setUint32(contextLayout.cb + 4 * (index + 1), word, true);
  });
  return context;
}

/** The key that bpf/tests/container.bpf.c leaves in the packet; a packet without is for the pod. */
function tunnelSeen(frame: Uint8Array): string {
  const flow = readFlow(frame);
  if (!isRefusal(flow)) return answerText(flow.source, flow.destination, mtuIn(frame));
  const vni = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  return tunnelText(frame.slice(4, 20), frame.slice(20, 36), vni);
}

/** Of fragmentation needed (RFC 1191) and packet too big (RFC 4443). */
function mtuIn(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const isIpv6 = ipVersionOf(frame) === 6;
  const [offset, type, code] = isIpv6 ? [54, 2, 0] : [34, 3, 4];
  if (view.getUint8(offset) !== type || view.getUint8(offset + 1) !== code) throw new Error('no answer to the pod');
  return isIpv6 ? view.getUint32(offset + 4, false) : view.getUint16(offset + 6, false);
}

/** Where bpf/tests/overlay.bpf.c says that a packet goes. */
function sentBack(frame: Uint8Array): string {
  return `send back to ${formatIp(frame.slice(0, addressSize))}`;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
