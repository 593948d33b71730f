import { rmSync } from 'node:fs';
import { pinnedKind } from './bpffs.ts';
import { attachClsact, clsactPlace, detachClsact } from './clsact.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import type { AttachOptions, Link } from './link.ts';
import { attachTcx, tcxPlace } from './tcx.ts';

/** Where a device's packets are seen: those that come in at it, or those that go out. */
export interface DeviceHook {
  readonly ifindex: number;
  readonly direction: 'ingress' | 'egress';
}

export interface PinnedHook extends DeviceHook {
  readonly pinPath: string;
}

/** Of our program among those of a hook; behind others it sees only what they pass on. */
export type HookPlace = 'first' | 'behind' | 'missing';

/** tcx: links, from kernel 6.6 on. clsact: filters, which every kernel has. */
export type AttachMethod = 'tcx' | 'clsact';

export type AttachDeviceOptions = AttachOptions & DeviceHook & { readonly method: AttachMethod };

/**
 * Attaches in front of others, or takes the place of what an earlier process attached with this pin, by whichever
 * method: at no moment is there none. A program can stand at a hook once: where others came before it, it takes another
 * instance to get in front again.
 */
export function attachDevice(options: AttachDeviceOptions, abi: KernelAbi = kernelAbi()): Link {
  if (options.method === 'clsact') return attachClsact(options, abi);
  const link = attachTcx(options, abi);
  detachClsact(options, abi);
  return link;
}

/** By whichever method it was attached. */
export function hookPlace(hook: PinnedHook, abi: KernelAbi = kernelAbi()): HookPlace {
  return pinnedKind(hook.pinPath, abi) === 'link' ? tcxPlace(hook, abi) : clsactPlace(hook, abi);
}

/** By whichever method it was attached. Idempotent; the device may be gone. */
export function detachDevice({ pinPath, ...hook }: PinnedHook, abi: KernelAbi = kernelAbi()): void {
  rmSync(pinPath, { force: true });
  detachClsact(hook, abi);
}
