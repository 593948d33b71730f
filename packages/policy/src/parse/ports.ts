import { protocolNumbers } from '../model.ts';
import type { PortMatch } from '../model.ts';
import { Refused, invalid } from './refused.ts';

const lastPort = 65_535;
const numbers: Readonly<Record<string, number>> = {
  ANY: protocolNumbers.any,
  TCP: protocolNumbers.tcp,
  UDP: protocolNumbers.udp,
  SCTP: protocolNumbers.sctp,
  ICMP: protocolNumbers.icmp,
  ICMPV6: protocolNumbers.icmpv6,
};
const ofKubernetes = ['TCP', 'UDP', 'SCTP'];

/** A port as an object has it. */
export interface WrittenPort {
  readonly protocol?: string | null | undefined;
  readonly port?: string | number | null | undefined;
  readonly endPort?: number | null | undefined;
}

/** NetworkPolicy: a number, or a container port's name; absent means all of the protocol, which is TCP if absent. */
export function kubernetesPort({ protocol, port, endPort }: WrittenPort): PortMatch | Refused {
  const name = protocol ?? 'TCP';
  const number = numbers[name];
  if (number === undefined || !ofKubernetes.includes(name)) return unknownProtocol(name);
  if (port === null || port === undefined) {
    return (endPort ?? 0) === 0 ? allOf(number) : invalid('endPort needs a port');
  }
  return typeof port === 'number' ? portRange(number, port, endPort ?? port) : portName(number, port, endPort);
}

/** Cilium: numbers are texts, "0" is all ports, and without a protocol all of them are meant. */
export function ciliumPort({ protocol, port, endPort }: WrittenPort): PortMatch | Refused {
  const number = numbers[(protocol ?? 'ANY').toUpperCase()];
  if (number === undefined) return unknownProtocol(protocol ?? '');
  const text = String(port ?? '');
  if (text === '') return invalid('a port must be given; "0" means all');
  const end = endPort ?? 0;
  if (text === '0') return end === 0 ? allOf(number) : invalid('a range cannot begin at port 0');
  if (!/^\d+$/.test(text)) return portName(number, text, end === 0 ? undefined : end);
  return portRange(number, Number(text), end === 0 ? Number(text) : end);
}

function unknownProtocol(name: string): Refused {
  return new Refused('unknown', `protocol ${JSON.stringify(name)} is not known`);
}

function allOf(protocol: number): PortMatch {
  return { kind: 'range', protocol, from: 0, to: lastPort };
}

/** Type 0 of ICMP is a type; port 0 is none. */
function portRange(protocol: number, from: number, to: number): PortMatch | Refused {
  const highest = Math.max(from, to);
  if (from < 1 || highest > lastPort)
    return invalid(`port ${from < 1 ? from : highest} is not one of 1 to ${lastPort}`);
  return to < from ? invalid(`endPort ${to} is below port ${from}`) : { kind: 'range', protocol, from, to };
}

/** IANA service names: what names of container ports are. */
function portName(protocol: number, name: string, endPort: number | null | undefined): PortMatch | Refused {
  if (endPort !== null && endPort !== undefined) return invalid(`a range cannot begin with a name (${name})`);
  const isName = /^[a-z0-9]+(?:-[a-z0-9]+)*$/i.test(name) && /[a-z]/i.test(name);
  return isName ? { kind: 'name', protocol, name: name.toLowerCase() } : invalid(`${JSON.stringify(name)} is no port`);
}
