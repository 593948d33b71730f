import { defaultMapSizes, loadObjects, mapsOf, memoryDatapathMaps } from '@clustermesh/agent';
import type { DatapathMaps, DatapathMode } from '@clustermesh/agent';
import { mountBpffs, probeKernel } from '@clustermesh/ebpf';
import { join } from 'node:path';

export interface OpenedMaps {
  readonly maps: DatapathMaps;
  readonly mode: DatapathMode;
}

/** Those of the real programs, pinned in a bpffs of their own but attached nowhere; in memory where that is refused. */
export async function openMaps(bpffs: string): Promise<OpenedMaps> {
  const { usable, missing } = probeKernel();
  if (usable) return { maps: await kernelMaps(bpffs), mode: { mode: 'ebpf', reason: '' } };
  return { maps: memoryDatapathMaps(), mode: { mode: 'memory', reason: `this machine lacks ${missing.join(', ')}` } };
}

/** The objects stay loaded until the process ends. */
async function kernelMaps(bpffs: string): Promise<DatapathMaps> {
  mountBpffs(bpffs);
  return mapsOf(await loadObjects({ pinDir: join(bpffs, 'maps'), maxEntries: defaultMapSizes }));
}
