import { join } from 'node:path';
import type { ObjectName } from '@clustermesh/bpf';
import { attachCgroup, attachDevice, hookPlace } from '@clustermesh/ebpf';
import type { AttachMethod, CgroupAttachType, DeviceHook, HookPlace, Program } from '@clustermesh/ebpf';

import type { DevicePrograms } from './device-programs.ts';
import type { Pins } from './pins.ts';

interface HookRow {
  /** Name of the link's pin: it stays when the agent ends, and the next one replaces the program behind it. */
  readonly link: string;
  readonly object: ObjectName;
  /** Name of the C function. */
  readonly program: string;
}

interface CgroupHook extends HookRow {
  readonly attachType: CgroupAttachType;
}

interface DeviceHookRow extends HookRow {
  readonly direction: DeviceHook['direction'];
}

/**
 * Where programs are attached, in this order: a new hook is one entry. What undoes a translation comes before what does
 * it, so that no reply is seen untranslated.
 */
export const cgroupHooks: readonly CgroupHook[] = (
  [
    ...(['getpeername4', 'getpeername6', 'recvmsg4', 'recvmsg6'] as const),
    ...(['connect4', 'connect6', 'sendmsg4', 'sendmsg6'] as const),
  ] as const
).map((attachType) => ({ link: attachType, object: 'mesh_sock', program: `mesh_${attachType}`, attachType }));

/** At the VXLAN device. */
export const tunnelHooks: readonly DeviceHookRow[] = [
  { link: 'from_overlay', object: 'mesh_overlay', program: 'mesh_from_overlay', direction: 'ingress' },
];

/** At the host side of every pod's veth pair (kernel-devices.ts); their pins are named by interface too (pod-pins.ts). */
export const podHooks = [
  { link: 'to_container', object: 'mesh_container', program: 'mesh_to_container', direction: 'egress' },
  { link: 'from_container', object: 'mesh_container', program: 'mesh_from_container', direction: 'ingress' },
] as const satisfies readonly DeviceHookRow[];

export type PodHook = (typeof podHooks)[number];

/** A hook, ready to be attached or, where a predecessor pinned its link, to be given this process's program. */
export interface Hook {
  readonly link: string;
  attach(): void;
}

/** One at a device, where others may come in between. */
export interface PlacedHook extends Hook {
  place(): HookPlace;
}

export interface HookTargets {
  readonly cgroupRoot: string;
  readonly tunnelIfindex: number;
  readonly attachMethod: AttachMethod;
}

export interface NodeHooks {
  readonly sockets: readonly Hook[];
  readonly tunnel: readonly PlacedHook[];
}

export function nodeHooks(programs: DevicePrograms, pins: Pins, targets: HookTargets): NodeHooks {
  const program = (row: HookRow): Program => programs.program(row);
  const pinPath = ({ link }: HookRow): string => join(pins.links, link);
  const sockets = cgroupHooks.map((row) => ({
    link: row.link,
    attach: () =>
      void attachCgroup({
        program: program(row),
        pinPath: pinPath(row),
        cgroupPath: targets.cgroupRoot,
        attachType: row.attachType,
      }),
  }));
  const tunnel = tunnelHooks.map((row) => {
    const hook = { pinPath: pinPath(row), ifindex: targets.tunnelIfindex, direction: row.direction };
    return {
      link: row.link,
      attach: () => void attachDevice({ ...hook, method: targets.attachMethod, program: program(row) }),
      place: () => hookPlace(hook),
    };
  });
  return { sockets, tunnel };
}
