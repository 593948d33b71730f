import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import { addressSize, keyText } from '../../maps/address.ts';

/** The host side of a pod's veth pair. */
export interface PodInterface {
  readonly name: string;
  readonly ifindex: number;
  readonly mtu: number;
  /** The pod's, 6 bytes. */
  readonly mac: Uint8Array;
  /** Of the host side, 6 bytes. */
  readonly hostMac: Uint8Array;
}

/** What the datapath needs of this machine's network; without rights there is none and the maps stay in memory. */
export interface Devices {
  /** The interfaces behind these pod addresses (16 bytes each); those not there yet are missing in the answer. */
  podInterfaces(addresses: readonly Uint8Array[], signal: AbortSignal): Promise<ReadonlyMap<string, PodInterface>>;
  /** Attaches the programs to a pod's interface, or replaces them. Idempotent. */
  attachPod(pod: PodInterface): void;
  /**
   * All pods are known, at these interfaces: the programs are at them, in front of others', and at what looks like a
   * pod's but is none that is known; they are taken away from everything else.
   */
  keepAttached(ifindexes: ReadonlySet<number>): void;
  /** Until abort: attaches to new interfaces at once, and tells of changes. */
  watch(onChange: () => void, deps: WatchDeps, signal: AbortSignal): Promise<void>;
  /** Interfaces with our programs. */
  readonly attachedInterfaces: number;
  /** What is not as it should be, for people. */
  readonly problems: readonly string[];
}

export interface WatchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** No network: every pod has an interface that leads nowhere, numbered by its address, so that the maps are complete. */
export const noDevices: Devices = {
  podInterfaces: async (addresses) => new Map(addresses.map((address) => [keyText(address), standIn(address)])),
  attachPod: () => undefined,
  keepAttached: () => undefined,
  watch: async () => undefined,
  attachedInterfaces: 0,
  problems: [],
};

function standIn(address: Uint8Array): PodInterface {
  const ifindex = new DataView(address.buffer, address.byteOffset).getUint32(addressSize - 4);
  return { name: '', ifindex, mtu: 0, mac: new Uint8Array(6), hostMac: new Uint8Array(6) };
}
