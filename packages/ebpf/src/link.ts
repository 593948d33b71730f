import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Attributes, command, kernelError } from './bpf-call.ts';
import { getPinned, pinOver, pinnedKind, preparePinDirectory } from './bpffs.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';

/** An attachment that outlives the process: its pin holds it. */
export interface Link {
  readonly pinPath: string;
  /** Idempotent. */
  detach(): void;
}

/** enum bpf_attach_type. */
const cgroupAttachTypes = {
  connect4: 10,
  connect6: 11,
  post_bind4: 12,
  post_bind6: 13,
  sendmsg4: 14,
  sendmsg6: 15,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
} as const;

export type CgroupAttachType = keyof typeof cgroupAttachTypes;

export interface AttachOptions {
  readonly program: { readonly fd: number };
  readonly pinPath: string;
}

/** enum bpf_link_type, and where struct bpf_link_info says what the link is attached to. */
const linkKinds = {
  cgroup: { type: 3, target: (info: Attributes) => info.readU64(16), attachTypeOffset: 24 },
  tcx: { type: 11, target: (info: Attributes) => BigInt(info.readU32(16)), attachTypeOffset: 20 },
} as const;

const programIdOffset = 8;

export interface LinkTarget {
  readonly kind: keyof typeof linkKinds;
  /** The id of the cgroup, or the ifindex. */
  readonly id: bigint;
  readonly attachType: number;
  /** Does a link with this program still stand where it shall? If not, another one is made. Default: it does. */
  readonly isInPlace?: (programId: number) => boolean;
}

/**
 * Attaches to a cgroup and all below it, or replaces the program of the link pinned at `pinPath`, so that at no moment
 * none is attached. A pin that belongs to another cgroup (one that was removed and made again) is superseded.
 */
export function attachCgroup(
  options: AttachOptions & { readonly cgroupPath: string; readonly attachType: CgroupAttachType },
  abi: KernelAbi = kernelAbi(),
): Link {
  const attachType = cgroupAttachTypes[options.attachType];
  // A cgroup's id is the inode of its directory.
  const id = statSync(options.cgroupPath, { bigint: true }).ino;
  const directory = openSync(options.cgroupPath, 'r');
  try {
    return attachLink(abi, options, { kind: 'cgroup', id, attachType }, linkCreate(options, directory, attachType, 0));
  } finally {
    closeSync(directory);
  }
}

/** prog_fd@0, target_fd or target_ifindex@4, attach_type@8, flags@12, relative fd@16 (0: all), expected_revision@24. */
export function linkCreate(options: AttachOptions, target: number, attachType: number, flags: number): Attributes {
  return new Attributes(32).u32(0, options.program.fd).u32(4, target).u32(8, attachType).u32(12, flags);
}

/** Makes a link as `create` says, or replaces the program of the pinned one. */
export function attachLink(abi: KernelAbi, options: AttachOptions, target: LinkTarget, create: Attributes): Link {
  const { program, pinPath } = options;
  preparePinDirectory(dirname(pinPath));
  if (!replaceProgram(abi, pinPath, program.fd, target)) {
    const fd = abi.bpf(command.linkCreate, create.bytes);
    if (fd < 0) throw kernelError(fd, `attach a program to ${target.kind} ${target.id} as ${pinPath}`);
    try {
      pinOver(fd, pinPath, abi);
    } finally {
      closeSync(fd);
    }
  }
  return { pinPath, detach: () => rmSync(pinPath, { force: true }) };
}

/** False when there is no pinned link with this target, in its place. */
function replaceProgram(abi: KernelAbi, pinPath: string, programFd: number, target: LinkTarget): boolean {
  if (pinnedKind(pinPath, abi) !== 'link') return false;
  const link = getPinned(pinPath, abi);
  try {
    if (!isAttachedTo(abi, link, target, pinPath)) return false;
    const result = linkUpdate(abi, link, programFd);
    if (result < 0) throw kernelError(result, `replace the program of link ${pinPath}`);
    return true;
  } finally {
    closeSync(link);
  }
}

function linkUpdate(abi: KernelAbi, link: number, programFd: number): number {
  return abi.bpf(command.linkUpdate, new Attributes(16).u32(0, link).u32(4, programFd).bytes);
}

function isAttachedTo(abi: KernelAbi, link: number, target: LinkTarget, pinPath: string): boolean {
  const info = readLink(abi, link, pinPath);
  const kind = linkKinds[target.kind];
  return (
    info.readU32(0) === kind.type &&
    kind.target(info) === target.id &&
    info.readU32(kind.attachTypeOffset) === target.attachType &&
    target.isInPlace?.(info.readU32(programIdOffset)) !== false
  );
}

/** Which program the link pinned at `pinPath` runs; undefined where no link is pinned. */
export function linkProgram(pinPath: string, abi: KernelAbi): number | undefined {
  if (pinnedKind(pinPath, abi) !== 'link') return undefined;
  const link = getPinned(pinPath, abi);
  try {
    return readLink(abi, link, pinPath).readU32(programIdOffset);
  } finally {
    closeSync(link);
  }
}

/** A struct bpf_link_info. */
function readLink(abi: KernelAbi, link: number, pinPath: string): Attributes {
  const info = new Attributes(64);
  const request = new Attributes(16).u32(0, link).u32(4, info.bytes.length).u64(8, abi.addressOf(info.bytes));
  const result = abi.bpf(command.infoByFd, request.bytes);
  if (result < 0) throw kernelError(result, `read what link ${pinPath} is attached to`);
  return info;
}
