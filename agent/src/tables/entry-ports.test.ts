import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@clustermesh/runtime';
import type { NamedPort, Prefix } from '@clustermesh/wire';

import { EntryPorts } from './entry-ports.ts';

const http = { name: 'http', port: 8080, protocol: 'TCP' };
const metrics = { name: 'metrics', port: 9090, protocol: 'TCP' };
const other = { ...http, port: 80 };

function setUp() {
  const ports = new EntryPorts(seededRandom(1));
  return {
    of: (identity: number) => ports.of(identity),
    set: (entry: number, identity: number, named: readonly NamedPort[]) => ports.set(2, prefix(entry), identity, named),
    delete: (entry: number) => ports.delete(2, prefix(entry)),
  };
}

function prefix(entry: number): Prefix {
  return { address: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, entry]), bits: 128 };
}

describe('EntryPorts', () => {
  it('has the ports of all entries of an identity, each as long as one of them has it', () => {
    const ports = setUp();
    expect([...ports.set(1, 7, [http, metrics])]).toEqual([7]);
    expect([...ports.set(2, 7, [http])]).toEqual([]);
    expect([...ports.set(3, 7, [other])]).toEqual([7]);
    expect(ports.of(7)).toEqual([http, metrics, other]);
    expect([...ports.delete(1)]).toEqual([7]);
    expect(ports.of(7)).toEqual([http, other]);
    expect([...ports.delete(2), ...ports.delete(3)]).toEqual([7, 7]);
    expect(ports.of(7)).toEqual([]);
  });

  it('tells both identities of an entry that goes from one to the other, and nobody of one that says the same', () => {
    const ports = setUp();
    ports.set(1, 7, [http]);
    expect([...ports.set(1, 7, [http])]).toEqual([]);
    expect([...ports.set(1, 8, [http])].sort()).toEqual([7, 8]);
    expect([ports.of(7), ports.of(8)]).toEqual([[], [http]]);
  });

  it('takes a bounded number of ports of an entry and of an identity, and no name that none can have (I1)', () => {
    const ports = setUp();
    const many = (from: number) => Array.from({ length: 1_000 }, (_, at) => ({ ...http, name: `p${from + at}` }));
    ports.set(1, 7, many(0));
    expect(ports.of(7)).toHaveLength(64);
    for (let entry = 1; entry <= 10; entry++) ports.set(1 + entry, 7, many(entry * 1_000));
    expect(ports.of(7)).toHaveLength(256);
    ports.set(3, 8, [
      { ...http, name: '' },
      { ...http, name: 'x'.repeat(64) },
    ]);
    expect(ports.of(8)).toEqual([]);
  });
});
