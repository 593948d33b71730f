import type { IpVersion } from './frame.ts';
import { ipProtocol } from './ip-header.ts';

/** `error`: about another packet; `other`: it belongs to no flow. */
export type IcmpKind = 'echo request' | 'echo reply' | 'error' | 'other';

/** RFC 792: destination unreachable, source quench, time exceeded, parameter problem. */
const errorsOfIpv4: readonly number[] = [3, 4, 11, 12];
/** RFC 4443: those below are errors. */
const firstInformationalOfIpv6 = 128;
const echo = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** ICMP of the other family is a protocol like any other: nobody listens to it. */
export function isIcmp(protocol: number, version: IpVersion): boolean {
  return protocol === (version === 4 ? ipProtocol.icmp : ipProtocol.icmpv6);
}

export function icmpKind(type: number, version: IpVersion): IcmpKind {
  if (type === echo[version].request) return 'echo request';
  if (type === echo[version].reply) return 'echo reply';
  const isError = version === 4 ? errorsOfIpv4.includes(type) : type < firstInformationalOfIpv6;
  return isError ? 'error' : 'other';
}

export function echoRequestType(version: IpVersion): number {
  return echo[version].request;
}

/** ICMPv6 of groups and neighbours of a link: RFC 2710, RFC 4861, RFC 3810. */
export function isAboutLink(type: number): boolean {
  return (type >= 130 && type <= 137) || type === 143;
}
