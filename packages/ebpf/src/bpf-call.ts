import { getSystemErrorMap } from 'node:util';
import { MeshError, type ErrorCode } from '@clustermesh/runtime';
import { offHeap } from './off-heap.ts';

/** Commands of bpf(2), enum bpf_cmd of linux/bpf.h. */
export const command = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  objectPin: 6,
  objectGet: 7,
  programTestRun: 10,
  infoByFd: 15,
  programQuery: 16,
  mapLookupBatch: 24,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  iteratorCreate: 33,
} as const;

/** A union bpf_attr: zeroed off-heap bytes with setters by offset. */
export class Attributes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = offHeap(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.#view.setBigUint64(offset, value, true);
    return this;
  }

  readU32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  readU64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
}

export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ENOLINK = 67;

export interface KernelErrorOptions {
  /** Whatever the errno, except where it says that rights are missing. Default: BPF_MAP_FULL or BPF_FAILED. */
  readonly code?: ErrorCode;
  /** What the kernel said besides the errno. */
  readonly detail?: string;
}

/** `result` is what a call gave: a negative errno. `attempted` says what was tried on what. */
export function kernelError(result: number, attempted: string, options: KernelErrorOptions = {}): MeshError {
  const [name, text] = getSystemErrorMap().get(result) ?? [`errno ${-result}`, 'unknown error'];
  const detail = options.detail === undefined || options.detail === '' ? '' : `: ${options.detail}`;
  return new MeshError(codeOf(-result, options.code), attempted, { cause: new Error(`${name}: ${text}${detail}`) });
}

function codeOf(errno: number, code: ErrorCode | undefined): ErrorCode {
  if (errno === EPERM) return 'BPF_PERMISSION';
  return code ?? (errno === E2BIG ? 'BPF_MAP_FULL' : 'BPF_FAILED');
}
