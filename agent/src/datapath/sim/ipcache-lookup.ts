import type { BpfMap } from '@clustermesh/ebpf';

import { decodeIpcacheValue, encodeCidrKey, encodeHostKey, hostKeyLayout } from '../../maps/ipcache.ts';
import type { IpcacheRecord } from '../../maps/ipcache.ts';

/** The kernel's maps, or maps in memory. */
export interface IpcacheLookupMaps {
  readonly ipc_host: Pick<BpfMap, 'lookup'>;
  readonly ipc_cidr: Pick<BpfMap, 'lookup'>;
}

const allBits = 128;

/** Who stands behind an address: the exact entry, else the longest prefix around it (bpf/lib/ipcache.h). */
export function lookUpIpcache(maps: IpcacheLookupMaps, address: Uint8Array): IpcacheRecord | undefined {
  const host = new Uint8Array(hostKeyLayout.size);
  encodeHostKey(address, host);
  const value = maps.ipc_host.lookup(host) ?? maps.ipc_cidr.lookup(encodeCidrKey(address, allBits));
  return value === undefined ? undefined : decodeIpcacheValue(value);
}
