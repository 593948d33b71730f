import { addressSize } from '../../maps/address.ts';
import type { Tuple } from '../../maps/conntrack.ts';
import { decodeFragment, encodeFragment, encodeFragmentKey } from '../../maps/fragment.ts';
import type { FragmentRecord } from '../../maps/fragment.ts';
import { bytesAt } from './bytes.ts';
import { isRefusal } from './decision.ts';
import type { Refusal } from './decision.ts';
import { ethernetSize, ipVersionOf, isIpv4, staysOnLink } from './frame.ts';
import { icmpKind, isAboutLink, isIcmp } from './icmp.ts';
import type { IcmpKind } from './icmp.ts';
import { ipProtocol, readIpHeader } from './ip-header.ts';
import type { IpHeader, UnreadableIp } from './ip-header.ts';
import type { SimMaps } from './sim-maps.ts';

export const tcpFlag = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/** `flow`: it has ports, or is of a protocol without any; echoes are flows by their id. */
export type TransportKind = 'flow' | IcmpKind;

/** What policy judges a packet by. */
export interface Transport {
  readonly kind: TransportKind;
  readonly tuple: Tuple;
  /** Destination port; of ICMP its type, which rules name. */
  readonly policyPort: number;
  readonly tcpFlags: number;
  readonly icmpCode: number;
  readonly hopLimit: number;
  /** Of an ICMP error the packet that it is about. */
  readonly inner?: Tuple;
  /** For the fragments behind it; of the first one alone. */
  readonly first?: { readonly key: Uint8Array; readonly value: Uint8Array };
}

/** What could be read is there, also of a packet that cannot be judged. */
export type Reading = Transport & Partial<Refusal>;

const unspecified = new Uint8Array(addressSize);

/** Where nothing is known. */
export const unread: Transport = {
  kind: 'flow',
  tuple: { source: unspecified, destination: unspecified, sourcePort: 0, destinationPort: 0, protocol: 0 },
  policyPort: 0,
  tcpFlags: 0,
  icmpCode: 0,
  hopLimit: 0,
};

export function readTransport(maps: Pick<SimMaps, 'frag'>, frame: Uint8Array): Reading {
  const version = ipVersionOf(frame);
  if (version === undefined) return { ...unread, refused: 'unsupported protocol' };
  const ip = readIpHeader(frame, ethernetSize, version);
  if (isRefusal(ip)) return { ...unread, tuple: { ...unread.tuple, ...withoutRefusal(ip) }, refused: ip.refused };
  const ports = readPorts(maps, frame, ip);
  if (isRefusal(ports)) return { ...unread, tuple: tupleOf(ip, { ...noPorts, protocol: ip.protocol }), ...ports };
  const whole = readWhole(maps, frame, ip, ports);
  if (ports.protocol !== ipProtocol.tcp || ip.fragment?.isFirst === false) return whole;
  const flags = bytesAt(frame, ip.transportOffset + 13, 1);
  return flags === undefined ? { ...whole, refused: 'truncated' } : { ...whole, tcpFlags: flags.getUint8(0) };
}

function withoutRefusal({ refused: _, ...read }: UnreadableIp): Partial<Tuple> {
  return read;
}

function readWhole(maps: Pick<SimMaps, 'frag'>, frame: Uint8Array, ip: IpHeader, ports: FragmentRecord): Transport {
  const kind = isIcmp(ports.protocol, ip.version) ? icmpKind(ports.icmpType, ip.version) : 'flow';
  const inner = kind === 'error' ? readInner(maps, frame, ip) : undefined;
  const transport = {
    kind: kind === 'error' && inner === undefined ? 'other' : kind,
    tuple: tupleOf(ip, ports),
    policyPort: isIcmp(ports.protocol, ip.version) ? ports.icmpType : ports.destinationPort,
    tcpFlags: 0,
    icmpCode: ports.icmpCode,
    hopLimit: ip.hopLimit,
  } as const;
  const { fragment } = ip;
  const first =
    fragment?.isFirst === true ? { key: encodeFragmentKey(fragment.key), value: encodeFragment(ports) } : undefined;
  return { ...transport, ...(inner === undefined ? {} : { inner }), ...(first === undefined ? {} : { first }) };
}

const icmpHeaderSize = 8;

/** What an ICMP error is about. One that cannot be read is about nothing. */
function readInner(maps: Pick<SimMaps, 'frag'>, frame: Uint8Array, outer: IpHeader): Tuple | undefined {
  if (outer.fragment?.isFirst === false) return undefined;
  const about = readIpHeader(frame, outer.transportOffset + icmpHeaderSize, outer.version);
  if (isRefusal(about)) return undefined;
  const ports = readPorts(maps, frame, about);
  return isRefusal(ports) ? undefined : tupleOf(about, ports);
}

const withPorts: readonly number[] = [ipProtocol.tcp, ipProtocol.udp, ipProtocol.sctp];
const noPorts = { sourcePort: 0, destinationPort: 0, icmpType: 0, icmpCode: 0 } as const;

/** Ports, or what stands for them; of a later fragment those of the first. */
function readPorts(maps: Pick<SimMaps, 'frag'>, frame: Uint8Array, ip: IpHeader): FragmentRecord | Refusal {
  const { protocol, transportOffset, fragment, version } = ip;
  if (fragment?.isFirst === false) {
    const value = maps.frag.lookup(encodeFragmentKey(fragment.key));
    return value === undefined ? { refused: 'fragment unknown' } : decodeFragment(value);
  }
  if (isIcmp(protocol, version)) return icmpPorts(frame, ip);
  if (!withPorts.includes(protocol)) return { ...noPorts, protocol };
  const head = bytesAt(frame, transportOffset, 4);
  if (head === undefined) return { refused: 'truncated' };
  return { ...noPorts, protocol, sourcePort: head.getUint16(0, false), destinationPort: head.getUint16(2, false) };
}

/** The id of an echo is the port of who is asked. */
function icmpPorts(frame: Uint8Array, { protocol, transportOffset, version }: IpHeader): FragmentRecord | Refusal {
  const head = bytesAt(frame, transportOffset, 6);
  if (head === undefined) return { refused: 'truncated' };
  const [icmpType, icmpCode, id] = [head.getUint8(0), head.getUint8(1), head.getUint16(4, false)];
  const kind = icmpKind(icmpType, version);
  return {
    protocol,
    icmpType,
    icmpCode,
    sourcePort: kind === 'echo reply' ? id : 0,
    destinationPort: kind === 'echo request' ? id : 0,
  };
}

function tupleOf({ source, destination }: IpHeader, { sourcePort, destinationPort, protocol }: FragmentRecord): Tuple {
  return { source, destination, sourcePort, destinationPort, protocol };
}

/**
 * Neighbours and groups of a link (IPv6): without them a pod reaches nobody. What comes from beyond the link has a hop
 * limit below 255, or no address of the link.
 */
export function isOfLink({ tuple, policyPort, hopLimit }: Transport): boolean {
  if (tuple.protocol !== ipProtocol.icmpv6 || isIpv4(tuple.source) || !isAboutLink(policyPort)) return false;
  return hopLimit === 255 || staysOnLink(tuple.destination);
}
