import { MeshError, describeError } from '@clustermesh/runtime';
import { access, constants, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand } from './command.ts';
import type { HostLayout, LabMode } from './mesh-plan.ts';

export interface HostProbe {
  readonly layout: HostLayout;
  /** Why the lab cannot have namespaces, cgroups and eBPF here; undefined in root mode. */
  readonly limitation?: string;
}

/** @param wanted `auto` takes root mode where it works. `root` where it does not is still root: it fails, and says why. */
export async function probeHost(wanted: LabMode | 'auto' = 'auto'): Promise<HostProbe> {
  if (wanted === 'rootless') return { layout: rootlessLayout(), limitation: 'rootless mode was asked for' };
  const cgroupRoot = await findCgroup2Root();
  const limitation = await findLimitation(cgroupRoot);
  if (limitation !== undefined && wanted === 'auto') return { layout: rootlessLayout(), limitation };
  return { layout: rootLayout(cgroupRoot) };
}

export function rootLayout(cgroupRoot: string | undefined): HostLayout {
  return { mode: 'root', stateRoot: '/run/clustermesh', ...(cgroupRoot === undefined ? {} : { cgroupRoot }) };
}

export function rootlessLayout(): HostLayout {
  return { mode: 'rootless', stateRoot: join(tmpdir(), `clustermesh-${process.getuid?.() ?? 0}`) };
}

export async function findCgroup2Root(): Promise<string | undefined> {
  return findCgroup2(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Tried in namespaces of its own, which end with the attempt. */
const attempt = 'ip link add probe type veth && mount -t bpf probe /tmp';

async function findLimitation(cgroupRoot: string | undefined): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'not root, so no network namespaces, cgroups or eBPF';
  if (cgroupRoot === undefined) return 'no cgroup2 file system is mounted';
  try {
    await access(join(cgroupRoot, 'cgroup.procs'), constants.W_OK);
    const { exitCode, stderr } = await runCommand(['unshare', '--net', '--mount', 'sh', '-c', attempt]);
    return exitCode === 0 ? undefined : `no network namespaces, veths or bpffs here: ${stderr.trim()}`;
  } catch (error) {
    return describeError(error);
  }
}

/** @throws MeshError LAB_INVALID_STATE naming the programs that a lab of this mode starts and this machine lacks */
export async function requirePrograms(
  mode: LabMode,
  { hasSamples = false, hasRedis = false }: { readonly hasSamples?: boolean; readonly hasRedis?: boolean } = {},
): Promise<void> {
  const ofRoot = ['ip', 'nsenter', ...(hasSamples ? ['nft'] : [])];
  const wanted = ['etcd', ...(mode === 'root' ? ofRoot : []), ...(hasRedis ? ['redis-server'] : [])];
  const found = await Promise.all(wanted.map((name) => runCommand(['sh', '-c', 'command -v "$0"', name])));
  const missing = wanted.filter((_, index) => found[index]?.exitCode !== 0);
  if (missing.length === 0) return;
  throw new MeshError('LAB_INVALID_STATE', `programs are missing: ${missing.join(', ')} (tools/setup installs them)`);
}

/** @throws MeshError LAB_INVALID_STATE when this machine's kernel has no IPv6, or has it switched off */
export async function requireIpv6(): Promise<void> {
  const disabled = await readFile('/proc/sys/net/ipv6/conf/default/disable_ipv6', 'utf8').catch(() => '1');
  if (disabled.trim() === '0') return;
  throw new MeshError('LAB_INVALID_STATE', 'bring up a dual-stack lab: IPv6 is disabled in the kernel of this machine');
}

/**
 * The mount point of cgroup2, unified or hybrid, from /proc/self/mountinfo: after ` - ` comes the file system type,
 * before it the fifth field is the mount point.
 */
export function findCgroup2(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [mount = '', source = ''] = line.split(' - ');
    if (source.startsWith('cgroup2 ')) return mount.split(' ')[4];
  }
  return undefined;
}

export async function isMountPoint(path: string): Promise<boolean> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  return mountinfo.split('\n').some((line) => line.split(' ')[4] === path);
}
