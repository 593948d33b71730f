import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Attributes, ENOLINK, command, kernelError } from './bpf-call.ts';
import { getPinned, pin, pinnedKind, preparePinDirectory } from './bpffs.ts';
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
const tcxAttachTypes = { ingress: 46, egress: 47 } as const;

export type CgroupAttachType = keyof typeof cgroupAttachTypes;
export type TcxDirection = keyof typeof tcxAttachTypes;

export interface AttachOptions {
  readonly program: { readonly fd: number };
  readonly pinPath: string;
}

/** enum bpf_link_type, and where struct bpf_link_info says what the link is attached to. */
const linkKinds = {
  cgroup: { type: 3, target: (info: Attributes) => info.readU64(16), attachTypeOffset: 24 },
  tcx: { type: 11, target: (info: Attributes) => BigInt(info.readU32(16)), attachTypeOffset: 20 },
} as const;

interface Target {
  readonly kind: keyof typeof linkKinds;
  /** The id of the cgroup, or the ifindex. */
  readonly id: bigint;
  readonly attachType: number;
}

/** Before the programs that are there already: ours decide what is theirs and pass the rest on. */
const BPF_F_BEFORE = 1 << 3;

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
    return attach(abi, options, { kind: 'cgroup', id, attachType }, linkCreate(options, directory, attachType, 0));
  } finally {
    closeSync(directory);
  }
}

/**
 * Attaches to a network device of the caller's network namespace, in front of others (kernel 6.6), or replaces the
 * program of the link pinned at `pinPath`. A pin that belongs to another device is superseded.
 */
export function attachTcx(
  options: AttachOptions & { readonly ifindex: number; readonly direction: TcxDirection },
  abi: KernelAbi = kernelAbi(),
): Link {
  const attachType = tcxAttachTypes[options.direction];
  const target: Target = { kind: 'tcx', id: BigInt(options.ifindex), attachType };
  return attach(abi, options, target, linkCreate(options, options.ifindex, attachType, BPF_F_BEFORE));
}

/** prog_fd@0, target_fd or target_ifindex@4, attach_type@8, flags@12, relative fd@16 (0: all), expected_revision@24. */
function linkCreate(options: AttachOptions, target: number, attachType: number, flags: number): Attributes {
  return new Attributes(32).u32(0, options.program.fd).u32(4, target).u32(8, attachType).u32(12, flags);
}

/**
 * Gives the link pinned at `pinPath` another program, whatever it is attached to; false when that is gone, or the pin
 * is of no link.
 */
export function updateLink({ program, pinPath }: AttachOptions, abi: KernelAbi = kernelAbi()): boolean {
  if (pinnedKind(pinPath, abi) !== 'link') return false;
  const link = getPinned(pinPath, abi);
  try {
    const result = linkUpdate(abi, link, program.fd);
    if (result < 0 && result !== -ENOLINK) throw kernelError(result, `replace the program of link ${pinPath}`);
    return result >= 0;
  } finally {
    closeSync(link);
  }
}

function attach(abi: KernelAbi, options: AttachOptions, target: Target, create: Attributes): Link {
  const { program, pinPath } = options;
  preparePinDirectory(dirname(pinPath));
  if (!replaceProgram(abi, pinPath, program.fd, target)) {
    const fd = abi.bpf(command.linkCreate, create.bytes);
    if (fd < 0) throw kernelError(fd, `attach a program to ${target.kind} ${target.id} as ${pinPath}`);
    try {
      pinOver(abi, fd, pinPath);
    } finally {
      closeSync(fd);
    }
  }
  return { pinPath, detach: () => rmSync(pinPath, { force: true }) };
}

/** False when there is no pinned link with this target. */
function replaceProgram(abi: KernelAbi, pinPath: string, programFd: number, target: Target): boolean {
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

function isAttachedTo(abi: KernelAbi, link: number, target: Target, pinPath: string): boolean {
  const info = new Attributes(64);
  const request = new Attributes(16).u32(0, link).u32(4, info.bytes.length).u64(8, abi.addressOf(info.bytes));
  const result = abi.bpf(command.infoByFd, request.bytes);
  if (result < 0) throw kernelError(result, `read what link ${pinPath} is attached to`);
  const kind = linkKinds[target.kind];
  return (
    info.readU32(0) === kind.type &&
    kind.target(info) === target.id &&
    info.readU32(kind.attachTypeOffset) === target.attachType
  );
}

/** Atomic: a superseded link is released by the rename that puts the new one in its place. */
function pinOver(abi: KernelAbi, fd: number, pinPath: string): void {
  const fresh = `${pinPath}_new`;
  rmSync(fresh, { force: true });
  pin(fd, fresh, abi);
  renameSync(fresh, pinPath);
}
