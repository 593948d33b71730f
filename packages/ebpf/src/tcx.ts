import { Attributes, EINVAL, ENODEV, ENOENT, command, kernelError } from './bpf-call.ts';
import type { DeviceHook, HookPlace, PinnedHook } from './device-hook.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { attachLink, linkCreate, linkProgram } from './link.ts';
import type { AttachOptions, Link, LinkTarget } from './link.ts';

/** enum bpf_attach_type. */
const attachTypes = { ingress: 46, egress: 47 } as const;
/** Before the programs that are there already: ours decide what is theirs and pass the rest on. */
const BPF_F_BEFORE = 1 << 3;
const loopbackIfindex = 1;
/** BPF_MPROG_MAX: the kernel allows no more programs at a hook. */
const maxPrograms = 64;

/**
 * Attaches to a network device of the caller's network namespace, in front of others (kernel 6.6), or replaces the
 * program of the link pinned at `pinPath`. A pin that belongs to another device, or that others have come before, is
 * superseded by a new link: that needs a program which is not attached there already.
 */
export function attachTcx(options: AttachOptions & DeviceHook, abi: KernelAbi = kernelAbi()): Link {
  const attachType = attachTypes[options.direction];
  const target: LinkTarget = {
    kind: 'tcx',
    id: BigInt(options.ifindex),
    attachType,
    isInPlace: (programId) => programsAt(options, abi)[0] === programId,
  };
  return attachLink(abi, options, target, linkCreate(options, options.ifindex, attachType, BPF_F_BEFORE));
}

/** Where among the programs of that hook the one of the pinned link stands. */
export function tcxPlace({ pinPath, ...hook }: PinnedHook, abi: KernelAbi = kernelAbi()): HookPlace {
  const own = linkProgram(pinPath, abi);
  const all = own === undefined ? [] : programsAt(hook, abi);
  if (own === undefined || !all.includes(own)) return 'missing';
  return all[0] === own ? 'first' : 'behind';
}

/** Ids, in the order in which they see packets. */
function programsAt({ ifindex, direction }: DeviceHook, abi: KernelAbi): readonly number[] {
  const ids = new Attributes(4 * maxPrograms);
  const query = programQuery(ifindex, attachTypes[direction]).u64(16, abi.addressOf(ids.bytes)).u32(24, maxPrograms);
  const result = abi.bpf(command.programQuery, query.bytes);
  if (result === -ENOENT || result === -ENODEV) return [];
  if (result < 0) throw kernelError(result, `list the programs at ${direction} of device ${ifindex}`);
  return Array.from({ length: query.readU32(24) }, (_, index) => ids.readU32(4 * index));
}

/** A kernel without tcx does not know the attach type; others answer something about the loopback device. */
export function hasTcx(abi: KernelAbi): boolean {
  return abi.bpf(command.programQuery, programQuery(loopbackIfindex, attachTypes.ingress).bytes) !== -EINVAL;
}

/** target_ifindex@0, attach_type@4, prog_ids@16, count@24. */
function programQuery(ifindex: number, attachType: number): Attributes {
  return new Attributes(64).u32(0, ifindex).u32(4, attachType);
}
