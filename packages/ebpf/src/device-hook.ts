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
