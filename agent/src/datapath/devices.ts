import { addressSize, keyText } from '../maps/address.ts';

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
  /** Takes away attachments to interfaces that are no pod's any more: by ifindex, those to keep. */
  keepAttached(ifindexes: ReadonlySet<number>): void;
}

/** No network: every pod has an interface that leads nowhere, numbered by its address, so that the maps are complete. */
export const noDevices: Devices = {
  podInterfaces: async (addresses) => new Map(addresses.map((address) => [keyText(address), standIn(address)])),
  attachPod: () => undefined,
  keepAttached: () => undefined,
};

function standIn(address: Uint8Array): PodInterface {
  const ifindex = new DataView(address.buffer, address.byteOffset).getUint32(addressSize - 4);
  return { name: '', ifindex, mtu: 0, mac: new Uint8Array(6), hostMac: new Uint8Array(6) };
}
