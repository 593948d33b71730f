import { pointRegion } from '@clustermesh/policy';
import type { Verdict } from '@clustermesh/policy';

import { lookUpPolicy } from '../policy-lookup.ts';
import type { PolicyLookupMaps } from '../policy-lookup.ts';
import { frameOf } from './frames.ts';
import type { PacketFields } from './frames.ts';
import type { AskedFlow } from './policy-world.ts';
import { remotes, subjects } from './random-policies.ts';
import type { Arrival, Datapath, MapContents } from './vector.ts';

/** A flow, and a packet of it. */
export interface ProbedFlow extends AskedFlow {
  readonly arrival: Arrival;
  readonly frame: Uint8Array;
}

const tcpPorts = [0, 3, 7, 9, 11, 80];
const udpPorts = [3, 10];

/** Both sides of every pair, at points where rules of tests end and begin. */
export const probedFlows: readonly ProbedFlow[] = subjects.flatMap((subject) =>
  remotes.flatMap((remote) =>
    (['ingress', 'egress'] as const).flatMap((direction) => flowsOf(subject, remote, direction)),
  ),
);

function flowsOf(subject: number, remote: number, direction: 'ingress' | 'egress'): readonly ProbedFlow[] {
  const ends = direction === 'ingress' ? [remote, subject] : [subject, remote];
  const [source = '', destination = ''] = ends.map((number) => addressOfEnd(number, direction));
  const ports = (to: number): string => `${source}:40000 -> ${destination}:${to}`;
  const probe = (protocol: number, port: number, packet: PacketFields): ProbedFlow => ({
    subject,
    remote,
    direction,
    at: pointRegion(protocol, port),
    arrival: { hook: direction === 'ingress' ? 'to container' : 'from container' },
    frame: frameOf(packet),
  });
  return [
    ...tcpPorts.map((port) => probe(6, port, { tcp: ports(port), flags: 'S' })),
    ...udpPorts.map((port) => probe(17, port, { udp: ports(port) })),
    probe(132, 3, { sctp: ports(3) }),
    probe(1, 8, { icmp: `${source} -> ${destination}`, type: 8, id: 7 }),
    probe(1, 13, { icmp: `${source} -> ${destination}`, type: 13 }),
    probe(47, 0, { ip: `${source} -> ${destination}`, protocol: 47 }),
  ];
}

/** One address of everybody for what comes from it, one for what goes to it: no flow answers another. */
function addressOfEnd(number: number, direction: 'ingress' | 'egress'): string {
  const subject = subjects.findIndex((one) => one === number);
  const isSubjectItself = subject >= 0;
  const at = isSubjectItself ? subject : remotes.indexOf(number) + 10;
  return `10.1.${at}.${direction === 'ingress' ? 1 : 2}`;
}

/** The maps that lead from the packets to their rows. */
export function addressMaps(): MapContents {
  const macs = { mac: '0a:00:00:00:00:05', hostMac: '0a:00:00:00:00:06' };
  const both = ['ingress', 'egress'] as const;
  const addresses = (number: number): readonly string[] => both.map((direction) => addressOfEnd(number, direction));
  const endpoints = subjects.flatMap((identity) =>
    addresses(identity).map((address) => [address, { interface: 1, identity, ...macs }] as const),
  );
  const ipcache = remotes.flatMap((identity) =>
    addresses(identity).map((address) => [address, { identity, node: 0 }] as const),
  );
  return { endpoints: Object.fromEntries(endpoints), ipcache: Object.fromEntries(ipcache) };
}

export function verdictOfPacket(datapath: Datapath, { arrival, frame }: ProbedFlow): Verdict {
  return datapath.give(arrival, frame) === 'pass' ? 'allow' : 'deny';
}

export function verdictOfRows(maps: PolicyLookupMaps, { subject, direction, remote, at }: AskedFlow): Verdict {
  const asked = { subject, direction, remote, protocol: at.bits >>> 16, port: at.bits & 0xffff };
  return lookUpPolicy(maps, asked).verdict === 'allow' ? 'allow' : 'deny';
}

export function flowText({ subject, direction, remote, at }: AskedFlow): string {
  return `${subject} ${direction} ${remote} protocol ${at.bits >>> 16} port ${at.bits & 0xffff}`;
}
