import { describe, expect, it } from '@jest/globals';

import type { IpIdentity, NumericIdentity } from '@clustermesh/wire';

import { IpGate } from './ip-gate.ts';

/** Below are reserved identities. */
const base = 65_536;

function identity(id: number): string {
  return `${base + id}`;
}

function entry(ip: string, id: number): IpIdentity {
  return {
    ...{ ip, mask: null, hostIp: '172.18.0.2', id: id as NumericIdentity, key: 0, metadata: '' },
    ...{ k8sNamespace: 'default', k8sPodName: 'web-0', k8sServiceAccount: '', namedPorts: [] },
  };
}

function setUp() {
  const told: string[] = [];
  const gate = new IpGate({
    upsert: (name, { id }) => void told.push(`+${name}=${id - base}`),
    delete: (name) => void told.push(`-${name}`),
    synced: () => void told.push('synced'),
  });
  const put = (ip: string, id: number): void => gate.upsert(ip, entry(ip, base + id));
  const write = (id: number): void => {
    gate.identityUpserted(identity(id));
    gate.identityWritten(identity(id));
  };
  return { gate, put, told, write };
}

describe('IpGate', () => {
  it('holds an IP until the store has acknowledged its identity (I2)', () => {
    const { gate, put, told } = setUp();
    put('a', 1);
    gate.identityUpserted(identity(1));
    put('b', 1);
    expect(told).toEqual([]);
    gate.identityWritten(identity(1));
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
    gate.identityUpserted(identity(1));
    gate.identityDeleted(identity(1));
    gate.identityWritten(identity(1));
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

  it('lets IPs of identities that are the same in every cluster through at once', () => {
    const { gate, told } = setUp();
    gate.upsert('a', entry('a', 4));
    expect(told).toEqual([`+a=${4 - base}`]);
  });

  describe('passOverdue', () => {
    it('lets an IP through that has waited for an identity nobody publishes since the call before', () => {
      const { gate, put, told } = setUp();
      put('a', 1);
      gate.synced();
      gate.passOverdue();
      expect(told).toEqual([]);
      gate.passOverdue();
      expect(told).toEqual(['+a=1', 'synced']);
      gate.passOverdue();
      expect(told).toHaveLength(2);
    });

    it('counts anew from the last change of the IP', () => {
      const { gate, put, told } = setUp();
      put('a', 1);
      gate.passOverdue();
      put('a', 2);
      gate.passOverdue();
      expect(told).toEqual([]);
    });

    it('goes on waiting for an identity that is on its way to the store', () => {
      const { gate, put, told } = setUp();
      put('a', 1);
      gate.passOverdue();
      gate.identityUpserted(identity(1));
      gate.passOverdue();
      gate.passOverdue();
      expect(told).toEqual([]);
      gate.identityWritten(identity(1));
      expect(told).toEqual(['+a=1']);
    });
  });
});
