import { rmSync } from 'node:fs';
import { attachTcx, updateLink } from '@clustermesh/ebpf';
import type { Program } from '@clustermesh/ebpf';

import type { Devices, PodInterface } from '../devices.ts';
import { podLink, podLinks } from './pins.ts';
import type { Pins } from './pins.ts';
import { podInterfacesIn, readNetworkTables } from './pod-interfaces.ts';

/** This machine's pods: their interfaces as the kernel's tables tell, with our program at each. */
export class KernelDevices implements Devices {
  readonly #program: Program;
  readonly #pins: Pins;
  readonly #attached = new Set<number>();
  /** Pods to attach to once the maps are in use. */
  #waiting: PodInterface[] | undefined = [];

  /** `program`: for packets from a pod. */
  constructor(program: Program, pins: Pins) {
    this.#program = program;
    this.#pins = pins;
  }

  async podInterfaces(
    addresses: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, PodInterface>> {
    if (addresses.length === 0) return new Map();
    return podInterfacesIn(await readNetworkTables(signal), addresses);
  }

  /** A link that an earlier process pinned gets this process's program, so that at no moment there is none. */
  attachPod(pod: PodInterface): void {
    const { ifindex } = pod;
    if (this.#waiting !== undefined) return void this.#waiting.push(pod);
    if (this.#attached.has(ifindex)) return;
    attachTcx({ program: this.#program, pinPath: podLink(this.#pins, ifindex), ifindex, direction: 'ingress' });
    this.#attached.add(ifindex);
  }

  /** From now on the program is at every pod: first in the links that an earlier process left. */
  start(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const ifindex of podLinks(this.#pins)) {
      const pinPath = podLink(this.#pins, ifindex);
      if (!updateLink({ program: this.#program, pinPath })) rmSync(pinPath, { force: true });
    }
    for (const pod of waiting) this.attachPod(pod);
  }

  keepAttached(ifindexes: ReadonlySet<number>): void {
    for (const ifindex of podLinks(this.#pins)) {
      if (ifindexes.has(ifindex)) continue;
      rmSync(podLink(this.#pins, ifindex), { force: true });
      this.#attached.delete(ifindex);
    }
  }
}
