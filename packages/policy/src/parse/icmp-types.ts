/** Names of ICMP types that CiliumNetworkPolicies may use instead of numbers (RFC 792, RFC 4443, IANA). */
const ipv4: Readonly<Record<string, number>> = {
  EchoReply: 0,
  DestinationUnreachable: 3,
  Redirect: 5,
  Echo: 8,
  EchoRequest: 8,
  RouterAdvertisement: 9,
  RouterSelection: 10,
  TimeExceeded: 11,
  ParameterProblem: 12,
  Timestamp: 13,
  TimestampReply: 14,
  Photuris: 40,
  ExtendedEcho: 42,
  ExtendedEchoRequest: 42,
  ExtendedEchoReply: 43,
};
const ipv6: Readonly<Record<string, number>> = {
  DestinationUnreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  MulticastListenerQuery: 130,
  MulticastListenerReport: 131,
  MulticastListenerDone: 132,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighborSolicitation: 135,
  NeighborAdvertisement: 136,
  RedirectMessage: 137,
};
const lastType = 255;

/** The number of an ICMP type by number or name; undefined when it is none. */
export function icmpType(family: 'IPv4' | 'IPv6', type: string | number): number | undefined {
  const byName = family === 'IPv4' ? ipv4 : ipv6;
  const text = String(type);
  if (Object.hasOwn(byName, text)) return byName[text];
  return /^\d{1,3}$/.test(text) && Number(text) <= lastType ? Number(text) : undefined;
}
