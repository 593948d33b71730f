import { describe, expect, it } from '@jest/globals';
import type { Pod } from '@clustermesh/kube';
import { formatIp, parseIp } from '@clustermesh/wire';

import { EndpointTable } from './endpoint-table.ts';

function pod(name: string, status: Pod['status'], hostNetwork = false): Pod {
  return { metadata: { name, namespace: 'demo' }, spec: { hostNetwork }, status } as Pod;
}

function addresses(table: EndpointTable): readonly string[] {
  return [...table.rows()].map(({ name, address }) => `${name} ${formatIp(address)}`);
}

const dual = { phase: 'Running', podIP: '10.1.0.5', podIPs: [{ ip: '10.1.0.5' }, { ip: 'fd00:10:1::5' }] } as const;

describe('EndpointTable', () => {
  it('has a row for each address of a pod, and counts pods', () => {
    const table = new EndpointTable();
    table.upsert(pod('a', dual));
    table.upsert(pod('b', { phase: 'Running', podIP: '10.1.0.6' }));
    expect(addresses(table)).toEqual(['a 10.1.0.5', 'a fd00:10:1::5', 'b 10.1.0.6']);
    expect(table.size).toBe(2);
  });

  it('forgets all addresses of a pod, and one that it lost', () => {
    const table = new EndpointTable();
    table.upsert(pod('a', dual));
    table.upsert(pod('a', { phase: 'Running', podIP: '10.1.0.5', podIPs: [{ ip: '10.1.0.5' }] }));
    expect(addresses(table)).toEqual(['a 10.1.0.5']);
    table.remove(pod('a', dual));
    expect([table.size, addresses(table)]).toEqual([0, []]);
  });

  it('leaves an address to the pod that has it now', () => {
    const table = new EndpointTable();
    table.upsert(pod('a', dual));
    table.upsert(pod('b', dual));
    table.remove(pod('a', dual));
    expect(table.hasAddress(parseIp('fd00:10:1::5') ?? new Uint8Array())).toBe(true);
    expect(addresses(table)).toEqual(['b 10.1.0.5', 'b fd00:10:1::5']);
  });

  it.each([
    { name: 'that uses the network of the node', pod: pod('a', dual, true) },
    { name: 'that succeeded', pod: pod('a', { ...dual, phase: 'Succeeded' }) },
    { name: 'that failed', pod: pod('a', { ...dual, phase: 'Failed' }) },
    { name: 'without an address', pod: pod('a', { phase: 'Pending' }) },
    { name: 'with an address that is none', pod: pod('a', { phase: 'Running', podIP: 'soon' }) },
  ])('has no row for a pod $name', ({ pod: without }) => {
    const table = new EndpointTable();
    table.upsert(without);
    expect([table.size, addresses(table)]).toEqual([0, []]);
  });
});
