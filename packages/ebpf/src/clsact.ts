import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Attributes, EEXIST, EINVAL, ENODEV, ENOENT, kernelError } from './bpf-call.ts';
import { pinOver, preparePinDirectory } from './bpffs.ts';
import type { DeviceHook, HookPlace } from './device-hook.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import type { AttachOptions, Link } from './link.ts';
import { listFilters } from './tc-filters.ts';
import type { TcFilter } from './tc-filters.ts';

/** `enum bpf_tc_attach_point`, and the parent of its filters: TC_H_CLSACT with TC_H_MIN_INGRESS and _EGRESS. */
const points = {
  ingress: { point: 1, parent: 0xffff_fff2 },
  egress: { point: 2, parent: 0xffff_fff3 },
} as const;
const bothPoints = 1 | 2;
const BPF_TC_F_REPLACE = 1;

/** Nothing comes before it; among several programs of one priority the newest does. */
const priority = 1;
/** 'mesh': filters with this priority and handle are ours. */
const handleBase = 0x6d65_7368;
/** One of two, so that a filter can be put in front before its predecessor is taken away. */
const secondHandle = 1;
/** The queueing discipline was not there before us: with its last filter it may go. */
const madeHook = 2;
const handleMask = ~(secondHandle | madeHook);

/**
 * As `attachTcx`, on kernels that know filters alone: in front of the others, or in place of our filter that is there.
 * It stays without a pin; the pin remembers that it is there. A filter whose device is gone is gone as well.
 */
export function attachClsact(options: AttachOptions & DeviceHook, abi: KernelAbi = kernelAbi()): Link {
  const { program, pinPath } = options;
  preparePinDirectory(dirname(pinPath));
  const madeByUs = makeHook(options, abi) || isHookOurs(allFilters(options, abi));
  const filters = filtersAt(options, abi);
  const own = filters.filter(isOurs);
  const first = filters[0];
  const inPlace = own.find((filter) => filter === first);
  const handle = inPlace?.handle ?? freeHandle(own) | (madeByUs ? madeHook : 0);
  attach(options, { handle, programFd: program.fd }, abi);
  for (const filter of own) if (filter.handle !== handle) detach(options, filter.handle, abi);
  pinOver(program.fd, pinPath, abi);
  return {
    pinPath,
    detach: () => {
      detachClsact(options, abi);
      rmSync(pinPath, { force: true });
    },
  };
}

/** Takes our filter away, and the queueing discipline that we made unless others use it. Idempotent. */
export function detachClsact(hook: DeviceHook, abi: KernelAbi = kernelAbi()): void {
  const madeByUs = isHookOurs(allFilters(hook, abi));
  for (const { handle } of filtersAt(hook, abi).filter(isOurs)) detach(hook, handle, abi);
  if (!madeByUs || allFilters(hook, abi).length > 0) return;
  const result = abi.libbpf().destroyTcHook(tcHook(hook.ifindex, bothPoints));
  if (result < 0 && !isGone(result)) throw kernelError(result, `remove the clsact of device ${hook.ifindex}`);
}

/** Where among the filters of that hook ours stands. */
export function clsactPlace(hook: DeviceHook, abi: KernelAbi = kernelAbi()): HookPlace {
  const [first, ...others] = filtersAt(hook, abi);
  if (first !== undefined && isOurs(first)) return 'first';
  return others.some(isOurs) ? 'behind' : 'missing';
}

/** True when there was none. */
function makeHook({ ifindex }: DeviceHook, abi: KernelAbi): boolean {
  const result = abi.libbpf().createTcHook(tcHook(ifindex, bothPoints));
  if (result < 0 && result !== -EEXIST) throw kernelError(result, `make a clsact at device ${ifindex}`);
  return result >= 0;
}

function attach(
  { ifindex, direction }: DeviceHook,
  { handle, programFd }: { readonly handle: number; readonly programFd: number },
  abi: KernelAbi,
): void {
  const options = tcOptions(handle).u32(8, programFd).u32(12, BPF_TC_F_REPLACE);
  const result = abi.libbpf().attachTc(tcHook(ifindex, points[direction].point), options.bytes);
  const detail = result === -EINVAL ? 'is priority 1 of that hook taken by a filter of another kind or protocol?' : '';
  if (result < 0) throw kernelError(result, `attach a program to ${direction} of device ${ifindex}`, { detail });
}

function detach({ ifindex, direction }: DeviceHook, handle: number, abi: KernelAbi): void {
  const result = abi.libbpf().detachTc(tcHook(ifindex, points[direction].point), tcOptions(handle).bytes);
  if (result < 0 && !isGone(result))
    throw kernelError(result, `take our filter from ${direction} of device ${ifindex}`);
}

function isGone(result: number): boolean {
  return [ENOENT, ENODEV, EINVAL].includes(-result);
}

function filtersAt({ ifindex, direction }: DeviceHook, abi: KernelAbi): readonly TcFilter[] {
  return listFilters(ifindex, points[direction].parent, abi);
}

/** In both directions of the device. */
function allFilters({ ifindex }: DeviceHook, abi: KernelAbi): readonly TcFilter[] {
  return Object.values(points).flatMap(({ parent }) => listFilters(ifindex, parent, abi));
}

function isHookOurs(filters: readonly TcFilter[]): boolean {
  return filters.some((filter) => isOurs(filter) && (filter.handle & madeHook) !== 0);
}

function isOurs({ priority: own, handle }: TcFilter): boolean {
  return own === priority && (handle & handleMask) === handleBase;
}

function freeHandle(own: readonly TcFilter[]): number {
  return own.some(({ handle }) => (handle & secondHandle) === 0) ? handleBase | secondHandle : handleBase;
}

/** struct bpf_tc_hook: size@0 (8), ifindex@8, attach_point@12, parent@16. */
function tcHook(ifindex: number, point: number): Uint8Array {
  return new Attributes(24).u64(0, 24n).u32(8, ifindex).u32(12, point).bytes;
}

/** struct bpf_tc_opts: size@0 (8), prog_fd@8, flags@12, prog_id@16, handle@20, priority@24. */
function tcOptions(handle: number): Attributes {
  return new Attributes(32).u64(0, 32n).u32(20, handle).u32(24, priority);
}
