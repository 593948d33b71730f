import type { PolicyRow, PolicyRowKey } from '../../../maps/policy.ts';

const protocols: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 };

/**
 * `allow 65540 ingress 131080 tcp/80 rule 7`; ports may be a range that is a prefix (`tcp/80-87`), `any` is everything.
 * `ready 65540 ingress`: no row, but what holds is known.
 */
export function parseRow(text: string): { readonly key: PolicyRowKey; readonly row: PolicyRow | undefined } {
  const [, verdict, subject, way, remote = 'anybody', what = 'any', rule = '0'] =
    /^(allow|deny|ready) (\d+) (ingress|egress)(?: (\w+) ([\w/-]+)(?: rule (\d+))?)?$/.exec(text) ?? [];
  if (verdict === undefined) throw new Error(`no row of policy: ${text}`);
  const holder = { subject: Number(subject), remote: remote === 'anybody' ? 0 : Number(remote) };
  const direction = way === 'ingress' ? 'ingress' : 'egress';
  const key: PolicyRowKey = { ...holder, direction, ...regionOf(what) };
  return { key, row: verdict === 'ready' ? undefined : { deny: verdict === 'deny', rule: Number(rule) } };
}

/** As `parseRow` reads it, without verdict and rule. */
export function rowKeyText({ subject, remote, direction, bits, length }: PolicyRowKey): string {
  return `${subject} ${direction} ${remote === 0 ? 'anybody' : remote} ${regionText(bits, length)}`;
}

export function protocolName(number: number): string {
  return Object.keys(protocols).find((name) => protocols[name] === number) ?? `protocol ${number}`;
}

function regionOf(text: string): { readonly bits: number; readonly length: number } {
  if (text === 'any') return { bits: 0, length: 0 };
  const [name = '', ports] = text.split('/');
  const protocol = (protocols[name] ?? Number(name)) << 16;
  if (ports === undefined) return { bits: protocol, length: 8 };
  const [from = 0, to = from] = ports.split('-').map(Number);
  const size = to - from + 1;
  if (!Number.isInteger(Math.log2(size)) || from % size !== 0) throw new Error(`no prefix of ports: ${text}`);
  return { bits: protocol | from, length: 24 - Math.log2(size) };
}

function regionText(bits: number, length: number): string {
  if (length === 0) return 'any';
  const name = protocolName(bits >>> 16).replace('protocol ', '');
  if (length === 8) return name;
  const from = bits & 0xffff;
  return length === 24 ? `${name}/${from}` : `${name}/${from}-${from + 2 ** (24 - length) - 1}`;
}
