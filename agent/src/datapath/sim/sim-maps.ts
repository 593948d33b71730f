import { MemoryMap } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';

import { affinityKeyLayout, affinityValueLayout } from '../../maps/affinity.ts';
import { flowKeyLayout, flowValueLayout } from '../../maps/conntrack.ts';
import { defaultMapSizes, memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import type { DatapathMaps, MapSizes } from '../../maps/datapath-maps.ts';
import { fragmentKeyLayout, fragmentValueLayout } from '../../maps/fragment.ts';

const programMaps = {
  aff: { keySize: affinityKeyLayout.size, valueSize: affinityValueLayout.size },
  ct: { keySize: flowKeyLayout.size, valueSize: flowValueLayout.size },
  frag: { keySize: fragmentKeyLayout.size, valueSize: fragmentValueLayout.size },
} as const;
type ProgramMapName = keyof typeof programMaps;

/** The agent's maps, and those that the programs keep for themselves. */
export type SimMaps = DatapathMaps & Readonly<Record<ProgramMapName, BpfMap>>;

export function memorySimMaps(sizes: MapSizes = defaultMapSizes): SimMaps {
  const programMap = (name: ProgramMapName): BpfMap =>
    new MemoryMap({ ...programMaps[name], type: 'lru_hash', name, maxEntries: sizes[name] });
  return { ...memoryDatapathMaps(sizes), aff: programMap('aff'), ct: programMap('ct'), frag: programMap('frag') };
}
