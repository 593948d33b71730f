import { protocolNumbers } from '@clustermesh/policy';
import type { NamedPorts } from '@clustermesh/policy';
import type { NamedPort } from '@clustermesh/wire';

export const noPorts: NamedPorts = new Map();

/** Of several pods with one identity: a name may mean several numbers. */
export function namedPortsOf(ports: Iterable<NamedPort>): NamedPorts {
  const numbers = new Map<string, Set<number>>();
  for (const { name, port, protocol } of ports) {
    const known = Object.entries(protocolNumbers).find(([text]) => text === protocol.toLowerCase());
    if (known === undefined || name === '') continue;
    const key = `${known[1]}/${name}`;
    numbers.set(key, (numbers.get(key) ?? new Set()).add(port));
  }
  // Most identities have none: one and the same for all of them.
  if (numbers.size === 0) return noPorts;
  return new Map([...numbers].sort().map(([key, values]) => [key, [...values].sort((left, right) => left - right)]));
}

/** What either has; of pods here and elsewhere that have one identity. */
export function unionOf(left: NamedPorts, right: NamedPorts): NamedPorts {
  if (left.size === 0 || right.size === 0) return left.size === 0 ? right : left;
  const keys = [...new Set([...left.keys(), ...right.keys()])].sort();
  const portsOf = (key: string): readonly number[] => [...(left.get(key) ?? []), ...(right.get(key) ?? [])];
  return new Map(keys.map((key) => [key, [...new Set(portsOf(key))].sort((one, other) => one - other)]));
}
