import { MeshError } from '@clustermesh/runtime';
import { Attributes, command, kernelError } from './bpf-call.ts';
import type { BpfMapType } from './bpf-map.ts';
import type { KernelAbi } from './kernel-abi.ts';

/** What a map is made of, in the kernel's terms. `valueSize` is that of one CPU. */
export interface MapDefinition {
  readonly type: BpfMapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** enum bpf_map_type. */
export const mapTypeNumbers: Readonly<Record<BpfMapType, number>> = {
  hash: 1,
  array: 2,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lpm_trie: 11,
  sk_storage: 24,
  ringbuf: 27,
};

export const mapFlag = { noPrealloc: 1, mmapable: 1 << 10 } as const;

export function mapTypeOf(number: number): BpfMapType {
  for (const [name, value] of Object.entries(mapTypeNumbers)) if (value === number) return name as BpfMapType;
  throw new MeshError('BPF_UNSUPPORTED', `use a map of kernel type ${number}`);
}

/** struct bpf_map_info: type@0, key_size@8, value_size@12, max_entries@16, map_flags@20. */
export function readMapDefinition(abi: KernelAbi, fd: number, name: string): MapDefinition {
  const info = new Attributes(88);
  const request = new Attributes(16).u32(0, fd).u32(4, info.bytes.byteLength).u64(8, abi.addressOf(info.bytes));
  const result = abi.bpf(command.infoByFd, request.bytes);
  if (result < 0) throw kernelError(result, `read the definition of map ${name}`);
  return {
    type: mapTypeOf(info.readU32(0)),
    keySize: info.readU32(8),
    valueSize: info.readU32(12),
    maxEntries: info.readU32(16),
    flags: info.readU32(20),
  };
}

/** The first field in which two definitions differ, in words; undefined when they are the same. */
export function definitionDifference(pinned: MapDefinition, wanted: MapDefinition): string | undefined {
  for (const field of ['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const) {
    if (pinned[field] !== wanted[field]) return `${field} is ${pinned[field]}, wanted is ${wanted[field]}`;
  }
  return undefined;
}
