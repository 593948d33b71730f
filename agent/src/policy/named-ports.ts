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
  return new Map([...numbers].sort().map(([key, values]) => [key, [...values].sort((left, right) => left - right)]));
}
