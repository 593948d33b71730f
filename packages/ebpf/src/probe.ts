import { closeSync, existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { platform } from 'node:process';
import { describeError } from '@clustermesh/runtime';
import { Attributes, command, kernelError } from './bpf-call.ts';
import type { AttachMethod } from './device-hook.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { mapTypeNumbers } from './map-definition.ts';
import { hasTcx } from './tcx.ts';

/** What the datapath needs and this machine lacks. */
export interface Probe {
  readonly usable: boolean;
  /** In words for a user; empty when usable. */
  readonly missing: readonly string[];
  /** Where cgroup v2 is mounted. */
  readonly cgroup2: string | undefined;
  /** How programs are attached to devices; tcx where the kernel has it (6.6). */
  readonly attachMethod: AttachMethod;
}

/** Looks and tries, changes nothing. */
export function probeKernel(): Probe {
  if (platform !== 'linux')
    return { usable: false, missing: [`Linux (this is ${platform})`], cgroup2: undefined, attachMethod: 'tcx' };
  const cgroup2 = findCgroup2(readFileSync('/proc/self/mountinfo', 'utf8'));
  const rights = missingRights(readFileSync('/proc/self/status', 'utf8'));
  const missing = [
    ...rights,
    ...missingLibraries(),
    ...missingKernelParts(),
    ...(cgroup2 === undefined ? ['a cgroup v2 mount'] : []),
  ];
  // Only worth trying, and only telling, when nothing else is in the way.
  if (missing.length === 0) missing.push(...missingSystemCalls(kernelAbi()));
  const attachMethod = missing.length > 0 || hasTcx(kernelAbi()) ? 'tcx' : 'clsact';
  return { usable: missing.length === 0, missing, cgroup2, attachMethod };
}

/** Capability bits of linux/capability.h. CAP_SYS_ADMIN is for mounting bpffs. */
const capabilities = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** From /proc/self/status. */
export function missingRights(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const lacking = Object.entries(capabilities).filter(([, bit]) => ((effective >> bit) & 1n) === 0n);
  return lacking.length === 0 ? [] : [`root rights (${lacking.map(([name]) => name).join(', ')})`];
}

/** From /proc/self/mountinfo: the mount point is field 5, the type follows the separator `-`. */
export function findCgroup2(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [mount = '', fs = ''] = line.split(' - ');
    if (fs.startsWith('cgroup2 ')) return mount.split(' ')[4];
  }
  return undefined;
}

function missingKernelParts(): string[] {
  const missing: string[] = [];
  if (!/^nodev\tbpf$/m.test(readFileSync('/proc/filesystems', 'utf8'))) missing.push('the bpf file system');
  if (!hasModule('vxlan')) missing.push('the vxlan network device (kernel module vxlan)');
  return missing;
}

/** Loaded, built in, or there to be loaded. */
function hasModule(name: string): boolean {
  if (existsSync(`/sys/module/${name}`)) return true;
  return ['modules.builtin', 'modules.dep'].some((list) => {
    const path = `/lib/modules/${release()}/${list}`;
    return existsSync(path) && new RegExp(`/${name}\\.ko`).test(readFileSync(path, 'utf8'));
  });
}

function missingLibraries(): string[] {
  try {
    kernelAbi().libbpf();
    return [];
  } catch (error) {
    return [describeError(error)];
  }
}

function missingSystemCalls(abi: KernelAbi): string[] {
  const map = createTinyMap(abi);
  if (map < 0) return [describeError(kernelError(map, 'the bpf system call'))];
  closeSync(map);
  return [];
}

function createTinyMap(abi: KernelAbi): number {
  const attributes = new Attributes(72).u32(0, mapTypeNumbers.array).u32(4, 4).u32(8, 8).u32(12, 1);
  return abi.bpf(command.mapCreate, attributes.bytes);
}
