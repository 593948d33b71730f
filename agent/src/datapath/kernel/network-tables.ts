import { z } from 'zod';

import { ipJson } from './ip-command.ts';

/** Of `ip -j route`, both families. */
const routeSchema = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  gateway: z.string().optional(),
  metrics: z.array(z.object({ mtu: z.number().optional() })).optional(),
});
/** Of `ip -d -j addr`. */
const linkSchema = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  mtu: z.number(),
  address: z.string().optional(),
  /** The bridge that it is a port of. */
  master: z.string().optional(),
  /** Of a veth: its other end, and the network namespace where that is, if not here. */
  link_index: z.number().optional(),
  link_netnsid: z.number().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z.array(z.object({ local: z.string().optional() })).optional(),
});
/** Of `ip -j neigh`. */
const neighbourSchema = z.object({ dst: z.string(), dev: z.string(), lladdr: z.string().optional() });

export type Route = z.output<typeof routeSchema>;
export type Link = z.output<typeof linkSchema>;

export interface NetworkTables {
  readonly routes: readonly Route[];
  readonly links: readonly Link[];
  readonly neighbours: readonly z.output<typeof neighbourSchema>[];
}

/** Of our network namespace, as they are now. */
export async function readNetworkTables(signal?: AbortSignal): Promise<NetworkTables> {
  const routes = (family: string) => ipJson(routeSchema, [family, 'route', 'show', 'table', 'main'], signal);
  const [ipv4, ipv6, links, neighbours] = await Promise.all([
    routes('-4'),
    routes('-6'),
    ipJson(linkSchema, ['-d', 'addr', 'show'], signal),
    ipJson(neighbourSchema, ['neigh', 'show'], signal),
  ]);
  return { routes: [...ipv4, ...ipv6], links, neighbours };
}

/** One end of a veth pair whose other end is in another network namespace. */
export function leadsElsewhere({ link_netnsid: netns, linkinfo }: Link): boolean {
  return netns !== undefined && linkinfo?.info_kind === 'veth';
}
