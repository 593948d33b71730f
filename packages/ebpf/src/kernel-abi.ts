import { createRequire } from 'node:module';
import { arch } from 'node:process';
import { MeshError } from '@clustermesh/runtime';
import type * as Koffi from 'koffi';
import { kernelError } from './bpf-call.ts';
import { bindLibbpf, type Libbpf } from './libbpf.ts';

/** All native code that the product calls. Small, so that another FFI or an addon can take koffi's place. */
export interface KernelAbi {
  /** bpf(2): its result, or the negative errno. `attributes` must be off-heap memory (`offHeap`). */
  bpf(command: number, attributes: Uint8Array): number;
  /** The address of off-heap memory, for the kernel. Keep the array reachable while the kernel may use it. */
  addressOf(bytes: Uint8Array): bigint;
  /** Maps `length` bytes of a file descriptor, shared: from its start and writable, unless said otherwise. */
  map(fd: number, length: number, part?: MappedPart): Mapping;
  /** Bytes: what `map` counts in. */
  pageSize(): number;
  /** mount(2): 0 or the negative errno. */
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  /** umount2(2): 0 or the negative errno. */
  unmount(target: string, flags: number): number;
  /** renameat2(2) with RENAME_EXCHANGE: what lies at the two paths changes places at once. 0 or the negative errno. */
  exchange(a: string, b: string): number;
  /** setns(2), of the calling thread alone: 0 or the negative errno. */
  setNamespace(fd: number, type: number): number;
  /** getsockopt(2) of an 8-byte option: 0, with the value in `value` (off-heap), or the negative errno. */
  getSocketOption(fd: number, level: number, option: number, value: Uint8Array): number;
  /** setsockopt(2) of an int: 0 or the negative errno. */
  setSocketOption(fd: number, level: number, option: number, value: number): number;
  /** socket(2): a file descriptor or the negative errno. */
  socket(domain: number, type: number, protocol: number): number;
  /** Throws BPF_UNSUPPORTED where libbpf.so.1 is not installed. */
  libbpf(): Libbpf;
}

export interface MappedPart {
  /** In bytes, whole pages. */
  readonly offset: number;
  readonly readOnly: boolean;
}

export interface Mapping {
  readonly bytes: Uint8Array;
  /** Idempotent. `bytes` and every view of its buffer are empty afterwards, so that a late access cannot crash. */
  unmap(): void;
}

interface SystemCalls {
  readonly bpf: number;
  readonly renameat2: number;
}

const systemCalls: Readonly<Partial<Record<string, SystemCalls>>> = {
  x64: { bpf: 321, renameat2: 316 },
  arm64: { bpf: 280, renameat2: 276 },
  riscv64: { bpf: 280, renameat2: 276 },
};

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let loaded: KernelAbi | undefined;

/** The process's bindings: a shared library is process-wide, whoever asks. Loaded at first use, because everything
 * above the kernel also runs where it cannot be loaded. Throws BPF_UNSUPPORTED there. */
export function kernelAbi(): KernelAbi {
  loaded ??= openKernelAbi();
  return loaded;
}

function openKernelAbi(): KernelAbi {
  const numbers = systemCalls[arch];
  if (numbers === undefined) throw new MeshError('BPF_UNSUPPORTED', `call bpf(2) on ${arch}`);
  const koffi = requireKoffi();
  const libc = koffi.load(null);
  const syscall: (number: number, command: number, attributes: Uint8Array, size: number) => number = libc.func(
    'long syscall(long, long, void *, long)',
  );
  const rename: (
    ...args: [number: number, fromDir: number, from: string, toDir: number, to: string, flags: number]
  ) => number = libc.func('long syscall(long, long, const char *, long, const char *, long)');
  const mmap: (
    ...args: [near: null, length: number, prot: number, flags: number, fd: number, offset: number]
  ) => bigint = libc.func('void *mmap(void *, size_t, int, int, int, long)');
  const pageSize: () => number = libc.func('int getpagesize()');
  const munmap: (address: bigint, length: number) => number = libc.func('int munmap(void *, size_t)');
  const mount: (...args: Parameters<KernelAbi['mount']>) => number = libc.func(
    'int mount(const char *, const char *, const char *, ulong, const char *)',
  );
  const umount2: (target: string, flags: number) => number = libc.func('int umount2(const char *, int)');
  const setns: (fd: number, type: number) => number = libc.func('int setns(int, int)');
  const socket: (domain: number, type: number, protocol: number) => number = libc.func('int socket(int, int, int)');
  const getsockopt: (fd: number, level: number, option: number, value: Uint8Array, size: number[]) => number =
    libc.func('int getsockopt(int, int, int, void *, _Inout_ uint32_t *)');
  const setsockopt: (fd: number, level: number, option: number, value: number[], size: number) => number = libc.func(
    'int setsockopt(int, int, int, int *, uint32_t)',
  );
  const resultOf = (value: number): number => (value < 0 ? -koffi.errno() : value);
  let libbpf: Libbpf | undefined;
  return {
    bpf: (command, attributes) => resultOf(syscall(numbers.bpf, command, attributes, attributes.byteLength)),
    addressOf: (bytes) => koffi.address(bytes),
    map: (fd, length, { offset, readOnly } = { offset: 0, readOnly: false }) => {
      const address = mmap(null, length, readOnly ? PROT_READ : PROT_READ_WRITE, MAP_SHARED, fd, offset);
      if (address === MAP_FAILED) throw kernelError(-koffi.errno(), `mmap ${length} bytes`);
      const bytes = new Uint8Array(koffi.view(address, length));
      return { bytes, unmap: () => unmapOnce(bytes, () => munmap(address, length)) };
    },
    pageSize: () => pageSize(),
    mount: (...args) => resultOf(mount(...args)),
    unmount: (target, flags) => resultOf(umount2(target, flags)),
    exchange: (a, b) => resultOf(rename(numbers.renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)),
    setNamespace: (fd, type) => resultOf(setns(fd, type)),
    socket: (...args) => resultOf(socket(...args)),
    getSocketOption: (fd, level, option, value) => resultOf(getsockopt(fd, level, option, value, [value.byteLength])),
    setSocketOption: (fd, level, option, value) => resultOf(setsockopt(fd, level, option, [value], 4)),
    libbpf: () => (libbpf ??= bindLibbpf(koffi)),
  };
}

function unmapOnce(bytes: Uint8Array<ArrayBuffer>, munmap: () => number): void {
  if (bytes.buffer.detached) return;
  bytes.buffer.transfer(0);
  munmap();
}

function requireKoffi(): typeof Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as typeof Koffi;
  } catch (cause) {
    throw new MeshError('BPF_UNSUPPORTED', 'load koffi (installed with --omit=optional?)', { cause });
  }
}
