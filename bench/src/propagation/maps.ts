import { defaultMapSizes, memoryDatapathMaps } from '@clustermesh/agent';
import type { DatapathMaps, DatapathMode } from '@clustermesh/agent';
import { objectPath } from '@clustermesh/bpf';
import { loadObject, mountBpffs, probeKernel } from '@clustermesh/ebpf';
import { join } from 'node:path';

export interface OpenedMaps {
  readonly maps: DatapathMaps;
  readonly mode: DatapathMode;
}

/** Those of the real programs, pinned in a bpffs of their own but attached nowhere; in memory where that is refused. */
export function openMaps(bpffs: string): OpenedMaps {
  const { usable, missing } = probeKernel();
  if (usable) return { maps: kernelMaps(bpffs), mode: { mode: 'ebpf', reason: '' } };
  return { maps: memoryDatapathMaps(), mode: { mode: 'memory', reason: `this machine lacks ${missing.join(', ')}` } };
}

/** The objects stay loaded until the process ends. */
function kernelMaps(bpffs: string): DatapathMaps {
  mountBpffs(bpffs);
  const options = { pinDir: join(bpffs, 'maps'), maxEntries: defaultMapSizes };
  const sock = loadObject({ ...options, path: objectPath('mesh_sock') });
  const overlay = loadObject({ ...options, path: objectPath('mesh_overlay') });
  return {
    svc: sock.map('svc'),
    slot: sock.mappedArray('slot'),
    backend: sock.mappedArray('backend'),
    node: overlay.mappedArray('node'),
    ipc_host: overlay.map('ipc_host'),
    ipc_cidr: overlay.map('ipc_cidr'),
    ep_ip: overlay.map('ep_ip'),
    ep_if: overlay.map('ep_if'),
  };
}
