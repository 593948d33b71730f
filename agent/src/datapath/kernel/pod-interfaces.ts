import { formatIp } from '@clustermesh/wire';
import { z } from 'zod';

import { keyText } from '../../maps/address.ts';
import type { PodInterface } from '../devices.ts';
import { ipJson } from './ip-command.ts';

/** Of `ip -j route`: a pod's is a host route without a gateway. */
export const routeSchema = z.object({ dst: z.string(), dev: z.string().optional(), gateway: z.string().optional() });
/** Of `ip -j link`. */
export const linkSchema = z.object({ ifindex: z.number(), ifname: z.string(), address: z.string().optional() });
/** Of `ip -j neigh`. */
export const neighbourSchema = z.object({ dst: z.string(), dev: z.string(), lladdr: z.string().optional() });

export interface NetworkTables {
  readonly routes: readonly z.output<typeof routeSchema>[];
  readonly links: readonly z.output<typeof linkSchema>[];
  readonly neighbours: readonly z.output<typeof neighbourSchema>[];
}

export async function readNetworkTables(signal?: AbortSignal): Promise<NetworkTables> {
  const [routes, links, neighbours] = await Promise.all([
    ipJson(routeSchema, ['route', 'show', 'table', 'main'], signal),
    ipJson(linkSchema, ['link', 'show'], signal),
    ipJson(neighbourSchema, ['neigh', 'show'], signal),
  ]);
  return { routes, links, neighbours };
}

/** Which interface leads to which of the addresses, and both ends' MAC addresses. Those not complete yet are missing. */
export function podInterfacesIn(
  { routes, links, neighbours }: NetworkTables,
  addresses: readonly Uint8Array[],
): ReadonlyMap<string, PodInterface> {
  const devices = new Map(routes.filter(({ gateway }) => gateway === undefined).map(({ dst, dev }) => [dst, dev]));
  const linksByName = new Map(links.map((link) => [link.ifname, link]));
  const macs = new Map(neighbours.map(({ dst, dev, lladdr }) => [`${dst} ${dev}`, lladdr]));
  const found = new Map<string, PodInterface>();
  for (const address of addresses) {
    const text = formatIp(address);
    const name = devices.get(text);
    const link = name === undefined ? undefined : linksByName.get(name);
    const mac = macBytes(macs.get(`${text} ${name ?? ''}`));
    const hostMac = macBytes(link?.address);
    if (link === undefined || mac === undefined || hostMac === undefined) continue;
    found.set(keyText(address), { name: link.ifname, ifindex: link.ifindex, mac, hostMac });
  }
  return found;
}

function macBytes(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || !/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (byte) => parseInt(byte, 16));
}
