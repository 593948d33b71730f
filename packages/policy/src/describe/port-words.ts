import { protocolNumbers } from '../model.ts';
import type { PortMatch, Rule } from '../model.ts';

const lastPort = 65_535;
const names: ReadonlyMap<number, string> = new Map([
  [protocolNumbers.tcp, 'TCP'],
  [protocolNumbers.udp, 'UDP'],
  [protocolNumbers.sctp, 'SCTP'],
  [protocolNumbers.icmp, 'ICMP'],
  [protocolNumbers.icmpv6, 'ICMPv6'],
]);

/** `all traffic`, `TCP 80, UDP 8000-8010`, `ICMP type 8` */
export function portWords(ports: Rule['ports']): string {
  return ports === 'any' ? 'all traffic' : ports.map(matchWords).join(', ');
}

function matchWords(match: PortMatch): string {
  const isAny = match.protocol === protocolNumbers.any;
  const protocol = names.get(match.protocol) ?? `protocol ${match.protocol}`;
  const prefix = isAny ? 'port' : protocol;
  if (match.kind === 'name') return `${prefix} named ${match.name}`;
  const { from, to } = match;
  if (from === 0 && to === lastPort) return isAny ? 'all traffic' : `all ${protocol}`;
  const isIcmp = match.protocol === protocolNumbers.icmp || match.protocol === protocolNumbers.icmpv6;
  return `${prefix}${isIcmp ? ' type' : ''} ${from === to ? from : `${from}-${to}`}`;
}
