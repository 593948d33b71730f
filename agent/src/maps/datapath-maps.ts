import { MemoryMap, memoryMappedArray } from '@clustermesh/ebpf';
import type { BpfMap, MappedArray } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';
import { backendLayout } from './backend.ts';
import { endpointLayout } from './endpoint.ts';
import { cidrKeyLayout, hostKeyLayout, ipcacheValueLayout } from './ipcache.ts';
import { nodeLayout } from './node.ts';
import { serviceKeyLayout, serviceValueLayout } from './service.ts';
import { slotLayout } from './slot.ts';

/** The maps that the agent writes, named as in the objects; in the kernel or in memory, the code above is the same. */
export interface DatapathMaps {
  readonly svc: BpfMap;
  readonly slot: MappedArray;
  readonly backend: MappedArray;
  readonly node: MappedArray;
  readonly ipc_host: BpfMap;
  readonly ipc_cidr: BpfMap;
  readonly ep_ip: BpfMap;
  readonly ep_if: BpfMap;
}

/** Entries per map. Of slots, extents take a power of two each. */
export type MapSizes = Readonly<Record<keyof DatapathMaps, number>>;

export const defaultMapSizes: MapSizes = {
  svc: 65_536,
  slot: 1_048_576,
  backend: 524_288,
  node: 65_536,
  ipc_host: 1_048_576,
  ipc_cidr: 16_384,
  ep_ip: 4_096,
  ep_if: 4_096,
};

export function memoryDatapathMaps(sizes: MapSizes = defaultMapSizes): DatapathMaps {
  const hash = (name: keyof DatapathMaps, keySize: number, valueSize: number): MemoryMap =>
    new MemoryMap({ name, type: 'hash', keySize, valueSize, maxEntries: sizes[name] });
  return {
    svc: hash('svc', serviceKeyLayout.size, serviceValueLayout.size),
    slot: memoryMappedArray('slot', slotLayout.size, sizes.slot),
    backend: memoryMappedArray('backend', backendLayout.size, sizes.backend),
    node: memoryMappedArray('node', nodeLayout.size, sizes.node),
    ipc_host: hash('ipc_host', hostKeyLayout.size, ipcacheValueLayout.size),
    ipc_cidr: new MemoryMap({
      name: 'ipc_cidr',
      type: 'lpm_trie',
      keySize: cidrKeyLayout.size,
      valueSize: ipcacheValueLayout.size,
      maxEntries: sizes.ipc_cidr,
    }),
    ep_ip: hash('ep_ip', addressSize, endpointLayout.size),
    ep_if: hash('ep_if', 4, endpointLayout.size),
  };
}
