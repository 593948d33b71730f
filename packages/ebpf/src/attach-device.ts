import { rmSync } from 'node:fs';
import { pinnedKind } from './bpffs.ts';
import { attachClsact, clsactPlace, detachClsact } from './clsact.ts';
import type { AttachMethod, DeviceHook, HookPlace, PinnedHook } from './device-hook.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import type { AttachOptions, Link } from './link.ts';
import { attachTcx, tcxPlace } from './tcx.ts';

type AttachDeviceOptions = AttachOptions & DeviceHook & { readonly method: AttachMethod };

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
