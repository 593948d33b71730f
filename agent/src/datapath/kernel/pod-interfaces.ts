import { parseIp } from '@clustermesh/wire';
import { z } from 'zod';

import { keyText } from '../../maps/address.ts';
import type { PodInterface } from '../devices.ts';
import { ipJson } from './ip-command.ts';

/** Of `ip -j route`, both families: a pod's is a host route without a gateway. */
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
  const routes = (family: string) => ipJson(routeSchema, [family, 'route', 'show', 'table', 'main'], signal);
  const [ipv4, ipv6, links, neighbours] = await Promise.all([
    routes('-4'),
    routes('-6'),
    ipJson(linkSchema, ['link', 'show'], signal),
    ipJson(neighbourSchema, ['neigh', 'show'], signal),
  ]);
  return { routes: [...ipv4, ...ipv6], links, neighbours };
}

/** Which interface leads to which of the addresses, and both ends' MAC addresses. Those not complete yet are missing. */
export function podInterfacesIn(
  { routes, links, neighbours }: NetworkTables,
  addresses: readonly Uint8Array[],
): ReadonlyMap<string, PodInterface> {
  const devices = hostRoutes(routes);
  const linksByName = new Map(links.map((link) => [link.ifname, link]));
  const macs = macsByDevice(neighbours);
  const found = new Map<string, PodInterface>();
  for (const address of addresses) {
    const link = linksByName.get(devices.get(keyText(address)) ?? '');
    const atDevice = macs.get(link?.ifname ?? '');
    const mac = macBytes(atDevice?.get(keyText(address)) ?? onlyOne(atDevice));
    const hostMac = macBytes(link?.address);
    if (link === undefined || mac === undefined || hostMac === undefined) continue;
    found.set(keyText(address), { name: link.ifname, ifindex: link.ifindex, mac, hostMac });
  }
  return found;
}

/** Device by address. */
function hostRoutes(routes: NetworkTables['routes']): ReadonlyMap<string, string> {
  const devices = new Map<string, string>();
  for (const { dst, dev, gateway } of routes) {
    const address = gateway === undefined ? parseIp(dst) : undefined;
    if (address !== undefined && dev !== undefined) devices.set(keyText(address), dev);
  }
  return devices;
}

/** By device, then by address. */
function macsByDevice(neighbours: NetworkTables['neighbours']): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const devices = new Map<string, Map<string, string>>();
  for (const { dst, dev, lladdr } of neighbours) {
    const address = parseIp(dst);
    if (address === undefined || lladdr === undefined) continue;
    const known = devices.get(dev) ?? new Map<string, string>();
    devices.set(dev, known.set(keyText(address), lladdr));
  }
  return devices;
}

/** At the far end of a veth pair is one interface: whichever address told its MAC address, it is that of all. */
function onlyOne(macs: ReadonlyMap<string, string> | undefined): string | undefined {
  const different = new Set(macs?.values());
  return different.size === 1 ? [...different][0] : undefined;
}

function macBytes(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || !/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (byte) => parseInt(byte, 16));
}
