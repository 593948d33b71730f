import { peerInterface } from '@clustermesh/ebpf';
import type { PeerInterface, PeerReference } from '@clustermesh/ebpf';
import { parseIp } from '@clustermesh/wire';

import { keyText, v4Mapped } from '../../maps/address.ts';
import type { PodInterface } from '../endpoints/devices.ts';
import { leadsElsewhere } from './network-tables.ts';
import type { Link, NetworkTables } from './network-tables.ts';

type PeerOf = (peer: PeerReference) => PeerInterface | undefined;

/**
 * Which interface leads to which of the addresses, and both ends' MAC addresses. A host route says it; where there is
 * none (pods behind a bridge), it is the one veth whose other end has the address: an address that several have is
 * nobody's, because whoever may change a pod's network can add another pod's. Those not complete yet are missing.
 */
export function podInterfacesIn(
  tables: NetworkTables,
  addresses: readonly Uint8Array[],
  peerOf: PeerOf = peerInterface,
): ReadonlyMap<string, PodInterface> {
  const routed = hostRoutes(tables);
  const macs = macsByDevice(tables.neighbours);
  const peers = new Peers(peerOf);
  const isRouted = (address: Uint8Array): boolean => routed.has(keyText(address));
  const owners = addresses.every(isRouted) ? new Map<string, Link>() : peers.owners(tables.links);
  const found = new Map<string, PodInterface>();
  for (const address of addresses) {
    const key = keyText(address);
    const link = routed.get(key) ?? owners.get(key);
    if (link === undefined) continue;
    const atDevice = macs.get(link.ifname);
    const mac = macBytes(atDevice?.get(key) ?? onlyOne(atDevice)) ?? peers.of(link)?.mac;
    const hostMac = macBytes(link.address);
    if (mac === undefined || hostMac === undefined) continue;
    found.set(key, { name: link.ifname, ifindex: link.ifindex, mtu: link.mtu, mac, hostMac });
  }
  return found;
}

/** By address: routes to it alone, without a gateway. Behind a bridge are many. */
function hostRoutes({ routes, links }: NetworkTables): ReadonlyMap<string, Link> {
  const linksByName = new Map(links.map((link) => [link.ifname, link]));
  const devices = new Map<string, Link>();
  for (const { dst, dev, gateway } of routes) {
    const address = gateway === undefined ? parseIp(dst) : undefined;
    const link = linksByName.get(dev ?? '');
    if (address === undefined || link === undefined || link.linkinfo?.info_kind === 'bridge') continue;
    devices.set(keyText(address), link);
  }
  return devices;
}

/** The other ends of veth pairs, each asked for once. */
class Peers {
  readonly #peerOf: PeerOf;
  readonly #known = new Map<number, PeerInterface | undefined>();

  constructor(peerOf: PeerOf) {
    this.#peerOf = peerOf;
  }

  of(link: Link): PeerInterface | undefined {
    const { ifindex, link_index: peerIndex, link_netnsid: netnsId } = link;
    if (!leadsElsewhere(link) || peerIndex === undefined || netnsId === undefined) return undefined;
    if (!this.#known.has(ifindex)) this.#known.set(ifindex, this.#peerOf({ netnsId, ifindex: peerIndex }));
    return this.#known.get(ifindex);
  }

  /** By address, the one link whose other end has it. */
  owners(links: readonly Link[]): ReadonlyMap<string, Link> {
    const owners = new Map<string, Link>();
    const contested = new Set<string>();
    for (const link of links) {
      for (const address of this.of(link)?.addresses ?? []) {
        const key = keyText(v4Mapped(address));
        if (owners.has(key)) contested.add(key);
        owners.set(key, link);
      }
    }
    for (const key of contested) owners.delete(key);
    return owners;
  }
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
