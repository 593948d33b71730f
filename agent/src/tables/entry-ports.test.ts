import { describe, expect, it } from '@jest/globals';

import { EntryPorts } from './entry-ports.ts';

const http = { name: 'http', port: 8080, protocol: 'TCP' };
const metrics = { name: 'metrics', port: 9090, protocol: 'TCP' };
const other = { ...http, port: 80 };

describe('EntryPorts', () => {
  it('has the ports of all entries of an identity, each as long as one of them has it', () => {
    const ports = new EntryPorts();
    expect([...ports.set('a', 7, [http, metrics])]).toEqual([7]);
    expect([...ports.set('b', 7, [http])]).toEqual([]);
    expect([...ports.set('c', 7, [other])]).toEqual([7]);
    expect(ports.of(7)).toEqual([http, metrics, other]);
    expect([...ports.delete('a')]).toEqual([7]);
    expect(ports.of(7)).toEqual([http, other]);
    expect([...ports.delete('b'), ...ports.delete('c')]).toEqual([7, 7]);
    expect(ports.of(7)).toEqual([]);
  });

  it('tells both identities of an entry that goes from one to the other, and nobody of one that says the same', () => {
    const ports = new EntryPorts();
    ports.set('a', 7, [http]);
    expect([...ports.set('a', 7, [http])]).toEqual([]);
    expect([...ports.set('a', 8, [http])].sort()).toEqual([7, 8]);
    expect([ports.of(7), ports.of(8)]).toEqual([[], [http]]);
  });

  it('takes a bounded number of ports of an entry and of an identity, and no name that none can have (I1)', () => {
    const ports = new EntryPorts();
    const many = (from: number) => Array.from({ length: 1_000 }, (_, at) => ({ ...http, name: `p${from + at}` }));
    ports.set('a', 7, many(0));
    expect(ports.of(7)).toHaveLength(64);
    for (let entry = 1; entry <= 10; entry++) ports.set(`b${entry}`, 7, many(entry * 1_000));
    expect(ports.of(7)).toHaveLength(256);
    ports.set('c', 8, [
      { ...http, name: '' },
      { ...http, name: 'x'.repeat(64) },
    ]);
    expect(ports.of(8)).toEqual([]);
  });
});
