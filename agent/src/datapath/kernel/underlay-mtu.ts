import { parseIp } from '@clustermesh/wire';

import type { NodeAddresses } from '../../config.ts';
import { keyText } from '../../maps/address.ts';
import type { Link, NetworkTables } from './network-tables.ts';

/** What VXLAN adds to a packet of a pod: outer IP and UDP headers, VXLAN's, and the inner Ethernet header. */
const overhead = { ipv4: 20 + 8 + 8 + 14, ipv6: 40 + 8 + 8 + 14 } as const;

/** How large packets may be, from their IP header; 0: not known. */
export interface TunnelMtu {
  /** Of the underlay. */
  readonly underlay: number;
  /** Of pods, to nodes that are reached over IPv4. */
  readonly ipv4: number;
  readonly ipv6: number;
}

export function tunnelMtu(underlay: number): TunnelMtu {
  const less = (bytes: number): number => Math.max(0, underlay - bytes);
  return { underlay, ipv4: less(overhead.ipv4), ipv6: less(overhead.ipv6) };
}

/** What pods shall have: it fits whichever way other nodes are reached from this one. */
export function podMtu(mtu: TunnelMtu, { ipv6 }: NodeAddresses): number {
  return hasAddress(ipv6) ? mtu.ipv6 : mtu.ipv4;
}

/**
 * Of the devices with this node's addresses, else of those with a default route, the smallest; 0 where there is none. A
 * default route may say that the way beyond takes less than the device.
 */
export function underlayMtu(tables: NetworkTables, { ipv4, ipv6 }: NodeAddresses): number {
  const own = [ipv4, ipv6].filter(hasAddress).map(keyText);
  // What is on the loopback device is announced by routing, and says nothing of the way.
  const withAddress = tables.links.filter(
    ({ ifname, addr_info: addresses = [] }) =>
      ifname !== 'lo' && addresses.some(({ local = '' }) => own.includes(keyText(parseIp(local) ?? new Uint8Array()))),
  );
  const defaults = tables.routes.filter(({ dst }) => dst === 'default');
  const devices =
    withAddress.length > 0
      ? withAddress
      : tables.links.filter(({ ifname }) => defaults.some(({ dev }) => dev === ifname));
  const beyond = ({ ifname }: Link): number[] =>
    defaults.filter(({ dev }) => dev === ifname).flatMap(({ metrics = [] }) => metrics.flatMap(({ mtu }) => mtu ?? []));
  const all = devices.flatMap((link) => [link.mtu, ...beyond(link)]);
  return all.length === 0 ? 0 : Math.min(...all);
}

function hasAddress(address: Uint8Array): boolean {
  return address.some((byte) => byte !== 0);
}
