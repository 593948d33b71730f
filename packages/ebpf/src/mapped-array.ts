import { MeshError } from '@clustermesh/runtime';
import type { MappedArray } from './bpf-map.ts';
import { kernelAbi, type KernelAbi, type Mapping } from './kernel-abi.ts';
import { mapFlag, readMapDefinition } from './map-definition.ts';
import { roundUpTo8 } from './percpu.ts';

/** An ARRAY map's memory (BPF_F_MMAPABLE), shared with the programs: what is stored here they read at once. */
export class KernelMappedArray implements MappedArray {
  readonly name: string;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly bytes: Uint8Array;
  readonly #mapping: Mapping;

  constructor(name: string, fd: number, abi: KernelAbi = kernelAbi()) {
    const definition = readMapDefinition(abi, fd, name);
    if (definition.type !== 'array' || (definition.flags & mapFlag.mmapable) === 0) {
      throw new MeshError('BPF_UNSUPPORTED', `mmap map ${name}, which is no BPF_F_MMAPABLE array`);
    }
    this.name = name;
    this.valueSize = definition.valueSize;
    this.maxEntries = definition.maxEntries;
    const length = this.maxEntries * roundUpTo8(this.valueSize);
    this.#mapping = abi.map(fd, length);
    this.bytes = this.#mapping.bytes;
  }

  /** `bytes` is empty afterwards. */
  close(): void {
    this.#mapping.unmap();
  }
}
