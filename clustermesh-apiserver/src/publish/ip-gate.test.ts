import { describe, expect, it } from '@jest/globals';

import type { IpIdentity, NumericIdentity } from '@clustermesh/wire';

import { IpGate } from './ip-gate.ts';

function entry(ip: string, id: number): IpIdentity {
  return {
    ...{ ip, mask: null, hostIp: '172.18.0.2', id: id as NumericIdentity, key: 0, metadata: '' },
    ...{ k8sNamespace: 'default', k8sPodName: 'web-0', k8sServiceAccount: '', namedPorts: [] },
  };
}

function setUp() {
  const told: string[] = [];
  const gate = new IpGate({
    upsert: (name, { id }) => void told.push(`+${name}=${id}`),
    delete: (name) => void told.push(`-${name}`),
    synced: () => void told.push('synced'),
  });
  const put = (ip: string, id: number): void => gate.upsert(ip, entry(ip, id));
  const write = (id: number): void => {
    gate.identityUpserted(`${id}`);
    gate.identityWritten(`${id}`);
  };
  return { gate, put, told, write };
}

describe('IpGate', () => {
  it('holds an IP until the store has acknowledged its identity (I2)', () => {
    const { gate, put, told } = setUp();
    put('a', 1);
    gate.identityUpserted('1');
    put('b', 1);
    expect(told).toEqual([]);
    gate.identityWritten('1');
    put('c', 1);
    expect(told).toEqual(['+a=1', '+b=1', '+c=1']);
  });

  it('lets only the newest value of a held IP through', () => {
    const { put, told, write } = setUp();
    put('a', 1);
    put('a', 2);
    write(1);
    expect(told).toEqual([]);
    write(2);
    expect(told).toEqual(['+a=2']);
  });

  it('forgets a held IP that is deleted', () => {
    const { gate, put, told, write } = setUp();
    put('a', 1);
    gate.delete('a');
    write(1);
    expect(told).toEqual(['-a']);
  });

  it('takes no late word for an identity that was deleted meanwhile', () => {
    const { gate, put, told } = setUp();
    gate.identityUpserted('1');
    gate.identityDeleted('1');
    gate.identityWritten('1');
    put('a', 1);
    expect(told).toEqual([]);
  });

  it.each([
    { name: 'at once when nothing is held', held: [] as number[], later: [], want: ['synced'] },
    { name: 'after what was held at that time', held: [1, 2], later: [3], want: ['+ip1=1', '+ip2=2', 'synced'] },
  ])('is synced $name, once', ({ held, later, want }) => {
    const { gate, put, told, write } = setUp();
    for (const id of held) put(`ip${id}`, id);
    gate.synced();
    for (const id of later) put(`ip${id}`, id);
    for (const id of held) write(id);
    gate.synced();
    expect(told).toEqual(want);
  });

  it('does not wait for a held IP that went', () => {
    const { gate, put, told } = setUp();
    put('a', 1);
    gate.synced();
    gate.delete('a');
    expect(told).toEqual(['-a', 'synced']);
  });
});
