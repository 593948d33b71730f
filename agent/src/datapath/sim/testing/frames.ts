import { parseIp } from '@clustermesh/wire';

/** A packet by its fields, as bpf/vectors describes it: one of `tcp`, `udp`, `sctp`, `icmp`, `ip` or `probe`. */
export interface PacketFields {
  /** `10.1.0.2:40000 -> 10.2.0.5:80`; IPv6 as `[fd00::2]:40000 -> [fd00::5]:80`. */
  readonly tcp?: string;
  readonly udp?: string;
  readonly sctp?: string;
  /** `10.1.0.2 -> 10.2.0.5`; ICMPv6 between IPv6 addresses. */
  readonly icmp?: string;
  /** Any other protocol. */
  readonly ip?: string;
  /** Between nodes: bpf/lib/probe.h. */
  readonly probe?: 'request' | 'answer' | 'unknown kind';

  /** Of TCP: letters as tcpdump has them, S F R P and . for ACK. */
  readonly flags?: string;
  /** Of ICMP. */
  readonly type?: number;
  readonly id?: number;
  /** Of an ICMP error: the packet that it is about, or as much of it as there is. */
  readonly about?: PacketFields;
  /** Of `ip`. */
  readonly protocol?: number;
  /** Of IPv6: extension headers before the transport's, by number. */
  readonly extensions?: readonly number[];
  /** `offset` in units of 8 bytes. */
  readonly fragment?: { readonly id: number; readonly offset: number; readonly more: boolean };
  readonly hopLimit?: number;
  readonly dontFragment?: boolean;
  /** Of IPv4: words of options; below 0, its header says less than it has. */
  readonly optionWords?: number;
  /** Of a probe. */
  readonly token?: number;
  readonly magic?: number;
  /** Instead of that of the family. */
  readonly etherType?: number;
  /** Bytes behind the transport's header; default 12. */
  readonly payload?: number;
  /** The frame, or what an error is about, ends after so many bytes. */
  readonly cutAt?: number;
  /** Bytes of the frame that are others, by their offset. */
  readonly patch?: Readonly<Record<string, number>>;
}

const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd, probe: 0x88b5 } as const;
const ethernetAddresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/** The frame, with checksums of 0: nobody looks at them. */
export function frameOf(fields: PacketFields): Uint8Array {
  const packet = fields.probe === undefined ? ipPacket(fields) : probePacket(fields);
  const isIpv6 = (packet[0] ?? 0) >>> 4 === 6;
  const ofFamily = isIpv6 ? etherTypes.ipv6 : etherTypes.ipv4;
  const etherType = fields.etherType ?? (fields.probe === undefined ? ofFamily : etherTypes.probe);
  const frame = Uint8Array.from([...ethernetAddresses, ...be16(etherType), ...packet]);
  for (const [offset, byte] of Object.entries(fields.patch ?? {})) frame[Number(offset)] = byte;
  return frame.slice(0, fields.cutAt ?? frame.length);
}

function ipPacket(fields: PacketFields): readonly number[] {
  const { source, destination } = endsOf(fields);
  const isIpv6 = source.address.includes(':');
  const transport = fields.fragment === undefined || fields.fragment.offset === 0 ? transportOf(fields, isIpv6) : [];
  const payload = [...transport, ...new Array<number>(fields.payload ?? 12).fill(0)];
  const addresses = [...bytesOf(source.address), ...bytesOf(destination.address)];
  return isIpv6 ? ipv6(fields, addresses, payload) : ipv4(fields, addresses, payload);
}

/** RFC 791 */
function ipv4(fields: PacketFields, addresses: readonly number[], payload: readonly number[]): readonly number[] {
  const words = 5 + (fields.optionWords ?? 0);
  const { id = 0, offset = 0, more = false } = fields.fragment ?? {};
  const options = new Array<number>(4 * Math.max(0, words - 5)).fill(1);
  return [
    ...[0x40 | words, 0, ...be16(words * 4 + payload.length)],
    ...[...be16(id), ...be16((fields.dontFragment === true ? 0x4000 : 0) | (more ? 0x2000 : 0) | offset)],
    ...[fields.hopLimit ?? 64, protocolOf(fields, false), 0, 0],
    ...[...addresses, ...options, ...payload],
  ];
}

const fragmentHeader = 44;

/** RFC 8200: every extension names the header behind it; the fragment header comes first of ours. */
function ipv6(fields: PacketFields, addresses: readonly number[], payload: readonly number[]): readonly number[] {
  const headers = [...(fields.fragment === undefined ? [] : [fragmentHeader]), ...(fields.extensions ?? [])];
  const chain = [...headers, protocolOf(fields, true)];
  const later = fields.fragment !== undefined && fields.fragment.offset > 0;
  const written = later ? headers.slice(0, 1) : headers;
  const extensions = written.flatMap((header, index) =>
    extension(header, chain[index + 1] ?? 0, fields.fragment ?? { id: 0, offset: 0, more: false }),
  );
  const behind = [...extensions, ...payload];
  return [0x60, 0, 0, 0, ...be16(behind.length), chain[0] ?? 0, fields.hopLimit ?? 64, ...addresses, ...behind];
}

function extension(
  header: number,
  next: number,
  { id, offset, more }: NonNullable<PacketFields['fragment']>,
): readonly number[] {
  if (header !== fragmentHeader) return [next, 0, 1, 4, 0, 0, 0, 0];
  return [next, 0, ...be16((offset << 3) | (more ? 1 : 0)), ...be32(id)];
}

function transportOf(fields: PacketFields, isIpv6: boolean): readonly number[] {
  const { source, destination } = endsOf(fields);
  const ports = [...be16(source.port), ...be16(destination.port)];
  if (fields.tcp !== undefined)
    return [...ports, ...be32(1), ...be32(1), 0x50, tcpFlags(fields.flags ?? ''), ...zeros(6)];
  if (fields.udp !== undefined) return [...ports, ...be16(8 + (fields.payload ?? 12)), 0, 0];
  if (fields.sctp !== undefined) return [...ports, ...zeros(8)];
  if (fields.icmp === undefined) return [];
  const header = [fields.type ?? (isIpv6 ? 128 : 8), 0, 0, 0, ...be16(fields.id ?? 0), 0, 0];
  if (fields.about === undefined) return header;
  const about = ipPacket(fields.about);
  return [...header, ...about.slice(0, fields.about.cutAt ?? about.length)];
}

const probeKinds = { request: 1, answer: 2, 'unknown kind': 3 } as const;
const probeMagic = 0x636d7062;

function probePacket({
  probe = 'request',
  token = 0,
  magic = probeMagic,
  payload = 0,
}: PacketFields): readonly number[] {
  const little = [...be32(token)].reverse();
  return [...be32(magic), probeKinds[probe], 0, 0, 0, ...little, 0, 0, 0, 0, ...zeros(payload)];
}

function protocolOf(fields: PacketFields, isIpv6: boolean): number {
  if (fields.icmp !== undefined) return isIpv6 ? 58 : 1;
  for (const [name, number] of Object.entries(protocols)) if (fields[name as keyof typeof protocols]) return number;
  return fields.protocol ?? 255;
}

interface End {
  readonly address: string;
  readonly port: number;
}

function endsOf(fields: PacketFields): { readonly source: End; readonly destination: End } {
  const text = fields.tcp ?? fields.udp ?? fields.sctp ?? fields.icmp ?? fields.ip ?? '';
  const [source = '', destination = ''] = text.split(' -> ');
  return { source: endOf(source), destination: endOf(destination) };
}

function endOf(text: string): End {
  const [, bracketed, behind] = /^\[(.*)\]:(\d+)$/.exec(text) ?? [];
  if (bracketed !== undefined) return { address: bracketed, port: Number(behind) };
  const [, dotted, port] = /^([\d.]+):(\d+)$/.exec(text) ?? [];
  return { address: dotted ?? text, port: Number(port ?? 0) };
}

/** As in the packet: 4 bytes or 16. */
function bytesOf(address: string): readonly number[] {
  const bytes = parseIp(address);
  if (bytes === undefined) throw new Error(`no address: ${address}`);
  return [...(address.includes(':') ? bytes : bytes.subarray(12))];
}

const flagBits: Readonly<Record<string, number>> = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, '.': 0x10 };

function tcpFlags(letters: string): number {
  return Object.entries(flagBits).reduce((bits, [letter, bit]) => (letters.includes(letter) ? bits | bit : bits), 0);
}

function be16(value: number): readonly number[] {
  return [value >>> 8, value & 0xff];
}

function be32(value: number): readonly number[] {
  return [...be16(value >>> 16), ...be16(value & 0xffff)];
}

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(0);
}
