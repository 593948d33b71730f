import { attachDevice, detachDevice, hookPlace } from '@clustermesh/ebpf';
import type { AttachMethod, HookPlace } from '@clustermesh/ebpf';
import { Backoff, describeError, retryLoop } from '@clustermesh/runtime';

import type { NodeAddresses } from '../../config.ts';
import type { Devices, PodInterface, WatchDeps } from '../endpoints/devices.ts';
import type { DeviceObjects, DevicePrograms } from './device-programs.ts';
import type { PlacedHook } from './hooks.ts';
import { followLinks } from './link-events.ts';
import { readNetworkTables } from './network-tables.ts';
import type { NetworkTables } from './network-tables.ts';
import type { Pins } from './pins.ts';
import { podInterfacesIn } from './pod-interfaces.ts';
import { podLike } from './pod-like.ts';
import type { NameRule } from './pod-like.ts';
import { podPins, podPinsAt } from './pod-pins.ts';
import type { PodPin } from './pod-pins.ts';
import { setMtu } from './tunnel-device.ts';
import { podMtu, tunnelMtu, underlayMtu } from './underlay-mtu.ts';
import type { TunnelMtu } from './underlay-mtu.ts';

export interface KernelDevicesOptions {
  readonly programs: DevicePrograms;
  /** Loads those for devices anew, with these sizes. */
  readonly load: (mtu: TunnelMtu) => Promise<DeviceObjects>;
  readonly tunnelHooks: readonly PlacedHook[];
  readonly pins: Pins;
  readonly attachMethod: AttachMethod;
  readonly tunnelDevice: string;
  readonly nodeAddresses: NodeAddresses;
  /** Of the underlay; 0: as its devices have it. */
  readonly mtu: number;
  /** As the programs were loaded with it. */
  readonly tunnelMtu: TunnelMtu;
  readonly isPodName: NameRule;
  /** Is what comes from no known pod dropped, wherever it goes? */
  readonly dropsUnknown: boolean;
}

const backoffCapMs = 30_000;
/** What follows the kernel's events for so long works. */
const settledMs = 1_000;
/** So many names are told; a node may have hundreds of pods. */
const toldNames = 3;

/** This machine's pods: their interfaces as the kernel's tables tell, with our programs at each. */
export class KernelDevices implements Devices {
  readonly #options: KernelDevicesOptions;
  readonly #attached = new Set<number>();
  #tables: NetworkTables = { routes: [], links: [], neighbours: [] };
  #mtu: TunnelMtu;
  /** New interfaces that the tables may not have yet. */
  readonly #met = new Set<number>();
  /** Interfaces of known pods. */
  #pods: ReadonlySet<number> | undefined;
  /** Others have put themselves in front of our programs. */
  #isBehind = false;
  /** Of the last look. */
  readonly #failures = new Set<string>();
  /** The last look began with new instances of the programs. */
  #isRenewed = false;
  #lookAgain = (): void => undefined;
  /** Interfaces to attach to once the maps are in use. */
  #waiting: Set<number> | undefined = new Set();

  constructor(options: KernelDevicesOptions) {
    this.#options = options;
    this.#mtu = options.tunnelMtu;
  }

  async podInterfaces(
    addresses: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, PodInterface>> {
    this.#met.clear();
    this.#tables = await readNetworkTables(signal);
    this.#failures.clear();
    // Pods are served as they were until it succeeds.
    await this.#followUnderlay(signal).catch((error: unknown) => this.#failures.add(describeError(error)));
    return podInterfacesIn(this.#tables, addresses);
  }

  /** What an earlier process attached gets this process's program, so that at no moment there is none. */
  attachPod(pod: PodInterface): void {
    if (this.#waiting === undefined) this.#attachTo(pod.ifindex);
    else this.#waiting.add(pod.ifindex);
  }

  /** From now on the programs are at every pod: first where an earlier process left them. */
  start(): void {
    const waiting = this.#waiting ?? new Set();
    this.#waiting = undefined;
    for (const pin of podPins(this.#options.pins)) {
      // Its interface may have gone with the pod, before this or right now.
      if (hookPlace(pin) === 'missing' || !this.#takeOver(pin)) detachDevice(pin);
    }
    for (const ifindex of waiting) this.#attempt(() => this.#attachTo(ifindex));
  }

  keepAttached(ifindexes: ReadonlySet<number>): void {
    if (this.#waiting !== undefined) return;
    const podLinks = podLike(this.#tables, this.#options.isPodName).map(({ ifindex }) => ifindex);
    const kept = new Set([...ifindexes, ...podLinks, ...this.#met]);
    this.#pods = ifindexes;
    for (const pin of podPins(this.#options.pins)) {
      this.#attempt(() => {
        if (!kept.has(pin.ifindex)) this.#detach(pin);
        else if (this.#attached.has(pin.ifindex)) this.#check(hookPlace(pin), () => this.#attach(pin));
      });
    }
    for (const hook of this.#options.tunnelHooks) {
      this.#attempt(() => this.#check(hook.place(), () => hook.attach()));
    }
    for (const ifindex of podLinks) this.#attempt(() => this.#attachTo(ifindex));
    // At once, unless they insist: then it takes turns with the usual looks.
    if (this.#isBehind && !this.#isRenewed) this.#lookAgain();
  }

  /** A new interface is closed before anything can have crossed it: what has no endpoint entry does not pass. */
  watch(onChange: () => void, deps: WatchDeps, signal: AbortSignal): Promise<void> {
    this.#lookAgain = onChange;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random: deps.random });
    const observer = { podLink: (ifindex: number) => this.#meet(ifindex, deps), changed: onChange };
    const follow = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      const ended = new AbortController();
      void deps.clock.sleep(settledMs, ended.signal).then(() => ended.signal.aborted || progressed());
      try {
        await followLinks(observer, this.#options.isPodName, inner);
      } finally {
        ended.abort();
      }
    };
    return retryLoop(follow, { ...deps, name: 'links', backoff }, signal);
  }

  get attachedInterfaces(): number {
    return this.#attached.size;
  }

  get problems(): readonly string[] {
    const behind = this.#isBehind ? ['programs of others have put themselves in front of ours at devices'] : [];
    return [...this.#tooLarge(), ...this.#closed(), ...behind, ...this.#failures];
  }

  #tooLarge(): readonly string[] {
    const largest = podMtu(this.#mtu, this.#options.nodeAddresses);
    const links = this.#tables.links.filter(({ ifindex, mtu }) => this.#attached.has(ifindex) && mtu > largest);
    if (largest === 0 || links.length === 0) return [];
    const mtu = Math.max(...links.map((link) => link.mtu));
    return [
      `${listed(links)}: MTU ${mtu}, but the tunnel takes packets of up to ${largest} bytes (underlay: ${this.#mtu.underlay}); ` +
        `pods are told so packet by packet: set the MTU of the CNI to ${largest}`,
    ];
  }

  #closed(): readonly string[] {
    const { dropsUnknown } = this.#options;
    const pods = this.#pods;
    if (!dropsUnknown || pods === undefined) return [];
    const links = this.#tables.links.filter(({ ifindex }) => this.#attached.has(ifindex) && !pods.has(ifindex));
    if (links.length === 0) return [];
    return [`${listed(links)}: closed, because no known pod is behind (are these pods’? --pod-interfaces)`];
  }

  #meet(ifindex: number, { log }: WatchDeps): void {
    if (this.#waiting !== undefined || this.#attached.has(ifindex)) return;
    this.#met.add(ifindex);
    try {
      this.#attachTo(ifindex);
    } catch (error) {
      // Mostly it has gone again; what stays is tried again with all others.
      log.debug({ ifindex, err: error }, 'a new interface has no programs yet');
    }
  }

  /** One interface's trouble is no other's. Mostly it has gone meanwhile; what stays is tried again at the next look. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failures.add(describeError(error));
    }
  }

  #attachTo(ifindex: number): void {
    if (this.#attached.has(ifindex)) return;
    for (const pin of podPinsAt(this.#options.pins, ifindex)) this.#attach(pin);
    this.#attached.add(ifindex);
  }

  #attach({ hook, ...at }: PodPin): void {
    const { programs, attachMethod } = this.#options;
    attachDevice({ ...at, method: attachMethod, program: programs.program(hook) });
  }

  /** False when its interface is gone. What stays must not go on with maps that nobody keeps up to date. */
  #takeOver(pin: PodPin): boolean {
    try {
      this.#attach(pin);
      return true;
    } catch (error) {
      if (hookPlace(pin) === 'missing') return false;
      throw error;
    }
  }

  #detach(pin: PodPin): void {
    detachDevice(pin);
    this.#attached.delete(pin.ifindex);
  }

  /** What others did to our programs is put right: at once, or with new instances of them (#followUnderlay). */
  #check(place: HookPlace, attach: () => void): void {
    if (place === 'missing') attach();
    if (place === 'behind') this.#isBehind = true;
  }

  /** Settings of programs change with the programs, and so do places: new instances take over everywhere. */
  async #followUnderlay(signal: AbortSignal): Promise<void> {
    const { mtu, nodeAddresses, tunnelDevice, load, programs, tunnelHooks, pins } = this.#options;
    this.#isRenewed = false;
    if (this.#waiting !== undefined) return;
    const size = tunnelMtu(mtu > 0 ? mtu : underlayMtu(this.#tables, nodeAddresses));
    const isResized = size.underlay > 0 && size.underlay !== this.#mtu.underlay;
    if (isResized) await setMtu(tunnelDevice, podMtu(size, nodeAddresses), signal);
    if (!isResized && !this.#isBehind) return;
    const next = isResized ? size : this.#mtu;
    programs.renew(await load(next));
    this.#mtu = next;
    this.#isBehind = false;
    this.#isRenewed = true;
    for (const hook of tunnelHooks) this.#attempt(() => hook.attach());
    for (const pin of podPins(pins)) {
      if (this.#attached.has(pin.ifindex)) this.#attempt(() => this.#attach(pin));
    }
  }
}

function listed(links: readonly { readonly ifname: string }[]): string {
  const names = links.slice(0, toldNames).map(({ ifname }) => ifname);
  return `${names.join(', ')}${links.length > toldNames ? ` and ${links.length - toldNames} more` : ''}`;
}
