import { closeSync, mkdirSync, readlinkSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { MeshError } from '@clustermesh/runtime';
import { Attributes, command, kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { offHeap } from './off-heap.ts';

/** f_type of bpffs, linux/magic.h. */
const bpfFsMagic = 0xcafe4a11;
const MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8;
const MNT_DETACH = 2;

/** True when `path` lies on a bpffs. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === bpfFsMagic;
  } catch {
    return false;
  }
}

/** Mounts a bpffs at `path`, which is made where missing; does nothing where one is there already. */
export function mountBpffs(path: string, abi: KernelAbi = kernelAbi()): void {
  mkdirSync(path, { recursive: true });
  if (isBpffs(path)) return;
  const result = abi.mount('bpf', path, 'bpf', MS_NOSUID_NODEV_NOEXEC, 'mode=0700');
  if (result < 0) throw kernelError(result, `mount a bpffs at ${path}`);
}

/** Unmounts it; whatever is pinned there alone is released. Does nothing where none is mounted. */
export function unmountBpffs(path: string, abi: KernelAbi = kernelAbi()): void {
  if (!isBpffs(path)) return;
  const result = abi.unmount(path, MNT_DETACH);
  if (result < 0) throw kernelError(result, `unmount the bpffs at ${path}`);
}

/** Makes a directory for pins and returns it. */
export function preparePinDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MeshError('BPF_FAILED', `make the pin directory ${path}${hintFor(cause)}`, { cause });
  }
  if (!isBpffs(path)) throw new MeshError('BPF_FAILED', `use ${path} as pin directory: it is not on a bpffs`);
  return path;
}

function hintFor(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EPERM') return ' (bpffs refuses names with a dot)';
  // Making missing parents too, Node says so of a file system that is read-only.
  return code === 'EROFS' || code === 'ENOENT' ? ' (is that bpffs mounted writable?)' : '';
}

/** Pins what `fd` refers to. */
export function pin(fd: number, path: string, abi: KernelAbi = kernelAbi()): void {
  const name = cString(path);
  const result = abi.bpf(command.objectPin, new Attributes(16).u64(0, abi.addressOf(name)).u32(8, fd).bytes);
  if (result < 0) throw kernelError(result, `pin ${path}`);
}

/** Pins in place of what is pinned at `path`. Atomic: a link there is released by the rename that replaces it. */
export function pinOver(fd: number, path: string, abi: KernelAbi = kernelAbi()): void {
  const fresh = `${path}_new`;
  rmSync(fresh, { force: true });
  pin(fd, fresh, abi);
  renameSync(fresh, path);
}

/** A new file descriptor of what is pinned at `path`. */
export function getPinned(path: string, abi: KernelAbi = kernelAbi()): number {
  const name = cString(path);
  const fd = abi.bpf(command.objectGet, new Attributes(16).u64(0, abi.addressOf(name)).bytes);
  if (fd < 0) throw kernelError(fd, `open pin ${path}`);
  return fd;
}

/** What the two paths name changes places in one step, so that at no moment either is missing. Both must exist. */
export function exchangePaths(a: string, b: string, abi: KernelAbi = kernelAbi()): void {
  const result = abi.exchange(a, b);
  if (result < 0) throw kernelError(result, `exchange ${a} and ${b}`);
}

export type PinnedKind = 'map' | 'program' | 'link';

/** As the kernel names the file behind a descriptor: `bpf-map`, `bpf-prog`, and for links both `bpf-link` and `bpf_link`. */
const pinnedFile = /^anon_inode:\[?bpf[-_](map|prog|link)\]?$/;
const pinnedKinds: Readonly<Record<string, PinnedKind>> = { map: 'map', prog: 'program', link: 'link' };

/** What a pin is of; undefined where something else lies at `path`. */
export function pinnedKind(path: string, abi: KernelAbi = kernelAbi()): PinnedKind | undefined {
  let fd: number;
  try {
    fd = getPinned(path, abi);
  } catch {
    return undefined;
  }
  try {
    return pinnedKinds[pinnedFile.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? ''];
  } finally {
    closeSync(fd);
  }
}

function cString(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  const terminated = offHeap(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}
