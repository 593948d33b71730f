import { protocolNumbers } from '../model.ts';
import type { PortMatch } from '../model.ts';

const lastPort = 65_535;
const names: Readonly<Record<string, number>> = {
  ANY: protocolNumbers.any,
  TCP: protocolNumbers.tcp,
  UDP: protocolNumbers.udp,
  SCTP: protocolNumbers.sctp,
  ICMP: protocolNumbers.icmp,
  ICMPv6: protocolNumbers.icmpv6,
};

/** IANA's number of a protocol's name; undefined for one that policies do not know. */
export function protocolNumber(name: string): number | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/**
 * A port as policies write it: a number, a range with `endPort`, a container port's name; '' or 0 means all.
 * @returns a text where it means nothing
 */
export function portMatch(
  protocol: number,
  port: string | number | null | undefined,
  endPort: number | null | undefined,
): PortMatch | string {
  const text = String(port ?? '');
  const end = endPort ?? 0;
  if (text === '' || text === '0') return { kind: 'range', protocol, from: 0, to: lastPort };
  if (/^\d+$/.test(text)) return portRange(protocol, Number(text), end === 0 ? Number(text) : end);
  return end === 0
    ? { kind: 'name', protocol, name: text.toLowerCase() }
    : `a range cannot begin with a name (${text})`;
}

function portRange(protocol: number, from: number, to: number): PortMatch | string {
  if (Math.max(from, to) > lastPort) return `port ${Math.max(from, to)} is above ${lastPort}`;
  return to < from ? `endPort ${to} is below port ${from}` : { kind: 'range', protocol, from, to };
}
