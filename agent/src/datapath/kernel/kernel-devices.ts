import { attachDevice, detachDevice, hookPlace } from '@clustermesh/ebpf';
import type { AttachMethod } from '@clustermesh/ebpf';

import type { Devices, PodInterface } from '../devices.ts';
import { readNetworkTables } from './network-tables.ts';
import type { DatapathObjects } from './objects.ts';
import type { Pins } from './pins.ts';
import { podInterfacesIn } from './pod-interfaces.ts';
import { podPins, podPinsAt } from './pod-pins.ts';
import type { PodPin } from './pod-pins.ts';

/** This machine's pods: their interfaces as the kernel's tables tell, with our programs at each. */
export class KernelDevices implements Devices {
  readonly #objects: DatapathObjects;
  readonly #pins: Pins;
  readonly #method: AttachMethod;
  readonly #attached = new Set<number>();
  /** Pods to attach to once the maps are in use. */
  #waiting: PodInterface[] | undefined = [];

  constructor(objects: DatapathObjects, pins: Pins, method: AttachMethod) {
    this.#objects = objects;
    this.#pins = pins;
    this.#method = method;
  }

  async podInterfaces(
    addresses: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, PodInterface>> {
    if (addresses.length === 0) return new Map();
    return podInterfacesIn(await readNetworkTables(signal), addresses);
  }

  /** What an earlier process attached gets this process's program, so that at no moment there is none. */
  attachPod(pod: PodInterface): void {
    const { ifindex } = pod;
    if (this.#waiting !== undefined) return void this.#waiting.push(pod);
    if (this.#attached.has(ifindex)) return;
    for (const pin of podPinsAt(this.#pins, ifindex)) this.#attach(pin);
    this.#attached.add(ifindex);
  }

  /** From now on the programs are at every pod: first where an earlier process left them. */
  start(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const pin of podPins(this.#pins)) {
      // Its interface may have gone with the pod.
      if (hookPlace(pin) === 'missing') detachDevice(pin);
      else this.#attach(pin);
    }
    for (const pod of waiting) this.attachPod(pod);
  }

  keepAttached(ifindexes: ReadonlySet<number>): void {
    for (const pin of podPins(this.#pins)) {
      if (ifindexes.has(pin.ifindex)) continue;
      detachDevice(pin);
      this.#attached.delete(pin.ifindex);
    }
  }

  #attach({ hook, ...at }: PodPin): void {
    const program = this.#objects[hook.object].program(hook.program);
    attachDevice({ ...at, method: this.#method, program });
  }
}
