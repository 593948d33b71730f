import type { ObjectName } from '@clustermesh/bpf';
import { MemoryMap, memoryMappedArray } from '@clustermesh/ebpf';
import type { BpfMap, MappedArray, MemoryMapDefinition } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';
import { backendLayout } from './backend.ts';
import { endpointLayout } from './endpoint.ts';
import { cidrKeyLayout, hostKeyLayout, ipcacheValueLayout } from './ipcache.ts';
import { nodeIndexSize, nodeLayout } from './node.ts';
import { policyKeyLayout, policyLengthsKeyLayout, policyLengthsValueSize, policyValueLayout } from './policy.ts';
import { probeLayout } from './probe.ts';
import { serviceKeyLayout, serviceValueLayout } from './service.ts';
import { slotLayout } from './slot.ts';

/** A map that is read and written by calls. */
interface CalledMap {
  readonly kind: 'called';
  /** One of the objects that have it: objects share maps by name. */
  readonly object: ObjectName;
  readonly type: MemoryMapDefinition['type'];
  readonly keySize: number;
  readonly valueSize: number;
  /** Default of `MapSizes`. */
  readonly maxEntries: number;
}

/** An array that is written through its memory (BPF_F_MMAPABLE). */
interface MemoryArray {
  readonly kind: 'mapped';
  readonly object: ObjectName;
  readonly valueSize: number;
  readonly maxEntries: number;
}

const endpointMap = (object: ObjectName, keySize: number): CalledMap & { readonly kind: 'called' } => ({
  kind: 'called',
  object,
  type: 'hash',
  keySize,
  valueSize: endpointLayout.size,
  maxEntries: 4_096,
});

/**
 * The maps that the agent reads or writes, named as in the objects: a new one is one entry here. Maps that only the
 * programs use need none: whatever an object declares is pinned, sized by its name and taken over.
 */
export const datapathMaps = {
  svc: {
    kind: 'called',
    object: 'mesh_sock',
    type: 'hash',
    keySize: serviceKeyLayout.size,
    valueSize: serviceValueLayout.size,
    maxEntries: 65_536,
  },
  /** Extents take a power of two each. */
  slot: { kind: 'mapped', object: 'mesh_sock', valueSize: slotLayout.size, maxEntries: 1_048_576 },
  backend: { kind: 'mapped', object: 'mesh_sock', valueSize: backendLayout.size, maxEntries: 524_288 },
  node: { kind: 'mapped', object: 'mesh_container', valueSize: nodeLayout.size, maxEntries: 65_536 },
  node_ip: {
    kind: 'called',
    object: 'mesh_overlay',
    type: 'hash',
    keySize: addressSize,
    valueSize: nodeIndexSize,
    maxEntries: 65_536,
  },
  /** By node index, as `node`. */
  probe: { kind: 'mapped', object: 'mesh_overlay', valueSize: probeLayout.size, maxEntries: 65_536 },
  ipc_host: {
    kind: 'called',
    object: 'mesh_container',
    type: 'hash',
    keySize: hostKeyLayout.size,
    valueSize: ipcacheValueLayout.size,
    maxEntries: 1_048_576,
  },
  ipc_cidr: {
    kind: 'called',
    object: 'mesh_container',
    type: 'lpm_trie',
    keySize: cidrKeyLayout.size,
    valueSize: ipcacheValueLayout.size,
    maxEntries: 131_072,
  },
  ep_ip: endpointMap('mesh_overlay', addressSize),
  ep_if: endpointMap('mesh_container', 4),
  /** A row for each pod identity of the node and each peer that its policies name. */
  policy: {
    kind: 'called',
    object: 'mesh_container',
    type: 'hash',
    keySize: policyKeyLayout.size,
    valueSize: policyValueLayout.size,
    maxEntries: 524_288,
  },
  /** Holders of rows: subject, remote identity and direction. */
  policy_len: {
    kind: 'called',
    object: 'mesh_container',
    type: 'hash',
    keySize: policyLengthsKeyLayout.size,
    valueSize: policyLengthsValueSize,
    maxEntries: 524_288,
  },
} as const satisfies Readonly<Record<string, CalledMap | MemoryArray>>;

export type MapName = keyof typeof datapathMaps;

type Opened<Row> = Row extends { readonly kind: 'mapped' } ? MappedArray : BpfMap;

/** In the kernel or in memory: the code above is the same. */
export type DatapathMaps = { readonly [Name in MapName]: Opened<(typeof datapathMaps)[Name]> };

/** Maps that the programs alone use and whose size is ours to choose; LRU: they forget, and are never full. */
const programMapSizes = {
  /** Clients with session affinity. */
  aff: 65_536,
  /** Pairs of an unconnected UDP socket and a backend. */
  rev_udp: 65_536,
  /** Flows of the pods. */
  ct: 262_144,
  /** Fragmented packets on their way. */
  frag: 8_192,
} as const;

/** Entries per map. */
export type MapSizes = Readonly<Record<MapName | keyof typeof programMapSizes, number>>;

export const defaultMapSizes: MapSizes = { ...eachMap(({ maxEntries }) => maxEntries), ...programMapSizes };

export function memoryDatapathMaps(sizes: MapSizes = defaultMapSizes): DatapathMaps {
  return openEach((row, name) =>
    row.kind === 'mapped'
      ? memoryMappedArray(name, row.valueSize, sizes[name])
      : new MemoryMap({ ...row, name, maxEntries: sizes[name] }),
  );
}

/** Every map of the table, opened by `open`, which gives a mapped array for rows that are mapped. */
export function openEach(open: (row: CalledMap | MemoryArray, name: MapName) => BpfMap | MappedArray): DatapathMaps {
  return eachMap(open) as DatapathMaps;
}

function eachMap<T>(of: (row: CalledMap | MemoryArray, name: MapName) => T): Readonly<Record<MapName, T>> {
  const entries = Object.entries(datapathMaps) as [MapName, CalledMap | MemoryArray][];
  return Object.fromEntries(entries.map(([name, row]) => [name, of(row, name)])) as Record<MapName, T>;
}
