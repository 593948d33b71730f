import type { BpfMap, MappedArray } from '@clustermesh/ebpf';

import { backendLayout, backendState } from './backend.ts';
import type { DatapathMaps } from './datapath-maps.ts';
import { nodeLayout, nodeState } from './node.ts';
import { decodeServiceValue } from './service.ts';

/** Entries of an array up to the last one in use: what a smaller array must have room for. */
type ArrayUse = (array: Uint8Array, stride: number, services: () => BpfMap | undefined) => number;

/** Arrays whose unused records may hold something; of others every record that is not all zero is in use. */
const arrayUses: Readonly<Partial<Record<string, ArrayUse>>> = {
  backend: (bytes, stride) => lastRecord(bytes, stride, (at) => bytes[at + backendLayout.state] !== backendState.free),
  node: (bytes, stride) => lastRecord(bytes, stride, (at) => bytes[at + nodeLayout.state] !== nodeState.free),
  slot: (_bytes, _stride, services) => lastSlot(services()),
} satisfies Partial<Record<keyof DatapathMaps, ArrayUse>>;

/** `services` is asked for only where the map's use depends on it. */
export function arrayUse(name: string, array: MappedArray, services: () => BpfMap | undefined): number {
  const stride = array.bytes.length / array.maxEntries;
  const use = arrayUses[name];
  if (use !== undefined) return use(array.bytes, stride, services);
  return lastRecord(array.bytes, stride, (at) => array.bytes.subarray(at, at + stride).some((byte) => byte !== 0));
}

function lastRecord(bytes: Uint8Array, stride: number, isUsed: (at: number) => boolean): number {
  for (let at = bytes.length - stride; at >= 0; at -= stride) if (isUsed(at)) return at / stride + 1;
  return 0;
}

/** Slots keep what they held: those in use are the extents of services, each a power of two long. */
function lastSlot(services: BpfMap | undefined): number {
  let last = 0;
  for (const [, value] of services?.entries() ?? []) {
    const { slotBase, total } = decodeServiceValue(value);
    if (total > 0) last = Math.max(last, slotBase + 2 ** Math.ceil(Math.log2(total)));
  }
  return last;
}
