import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { ip, ipJson } from './ip-command.ts';

export interface TunnelDevice {
  readonly name: string;
  /** UDP, equal in the whole mesh. */
  readonly port: number;
}

const tunnelSchema = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  mtu: z.number(),
  linkinfo: z
    .object({
      info_kind: z.string(),
      info_data: z.object({ external: z.boolean().optional(), port: z.number().optional() }).optional(),
    })
    .optional(),
});

/**
 * The VXLAN device whose tunnel keys the programs set and read (collect_md). One that is there as it should be stays:
 * the programs attached to it go on. `mtu` is what it takes of pods' packets; 0: not known. Returns its ifindex.
 */
export async function ensureTunnelDevice(device: TunnelDevice, mtu: number, signal: AbortSignal): Promise<number> {
  const found = await findTunnel(device.name, signal);
  if (found !== undefined && !isAsWanted(found, device)) await ip(['link', 'del', 'dev', device.name], signal);
  if (found === undefined || !isAsWanted(found, device)) {
    await ip(['link', 'add', device.name, 'type', 'vxlan', 'external', 'dstport', String(device.port)], signal);
  }
  await ip(['link', 'set', 'dev', device.name, 'up'], signal);
  const made = await findTunnel(device.name, signal);
  if (made === undefined) throw new MeshError('COMMAND_FAILED', `find the tunnel device ${device.name}`);
  if (mtu > 0 && made.mtu !== mtu) await setMtu(device.name, mtu, signal);
  return made.ifindex;
}

export async function setMtu(device: string, mtu: number, signal: AbortSignal): Promise<void> {
  await ip(['link', 'set', 'dev', device, 'mtu', String(mtu)], signal);
}

/** Does nothing where there is none. */
export async function removeTunnelDevice(name: string, signal: AbortSignal): Promise<void> {
  if ((await findTunnel(name, signal)) !== undefined) await ip(['link', 'del', 'dev', name], signal);
}

async function findTunnel(name: string, signal: AbortSignal): Promise<z.output<typeof tunnelSchema> | undefined> {
  const links = await ipJson(tunnelSchema, ['-d', 'link', 'show'], signal);
  return links.find(({ ifname }) => ifname === name);
}

function isAsWanted({ linkinfo }: z.output<typeof tunnelSchema>, { port }: TunnelDevice): boolean {
  const data = linkinfo?.info_data;
  return linkinfo?.info_kind === 'vxlan' && data?.external === true && data.port === port;
}
