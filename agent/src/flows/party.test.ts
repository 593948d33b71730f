import { describe, expect, it } from '@jest/globals';
import { parseIp } from '@clustermesh/wire';

import type { IpcacheRow } from '../tables/ipcache-table.ts';
import { Parties } from './party.ts';
import { knownPolicy } from './testing/known-policy.ts';

const own = parseIp('10.1.0.2') ?? new Uint8Array();
const other = parseIp('10.2.0.5') ?? new Uint8Array();
const unclaimed = parseIp('10.2.0.99') ?? new Uint8Array();
const unpublished = 0x0200_0001;
const network = 0x0100_0001;

const labelled = ['k8s:app=echo', 'k8s:io.kubernetes.pod.namespace=shop'];
const policy = knownPolicy({
  labels: { 131_080: labelled, [unpublished]: ['k8s:app=hidden'] },
  subjects: { '10.1.0.2': { subject: unpublished, identity: 2, namespace: 'demo', name: 'client' } },
  networks: { [network]: { address: parseIp('192.0.2.0') ?? new Uint8Array(), bits: 120 } },
});

function parties(claims: Partial<IpcacheRow> = {}, name?: { namespace: string; name: string }): Parties {
  return new Parties({
    policy,
    ipcache: { find: () => ({ clusterId: 0, ...claims }) as IpcacheRow },
    ownerOf: (address) => (address === unclaimed ? 2 : undefined),
    names: { nameOf: () => name },
    nameOfCluster: (id) => ({ 1: 'west', 2: 'east', 3: 'north' })[id] ?? '',
    local: { id: 1, maxConnectedClusters: 255 },
  });
}

describe('Parties', () => {
  it('knows the pods of this node by name, labels and the identity that others see', () => {
    expect(parties().party(own, 40_000, unpublished)).toEqual({
      ...{ address: '10.1.0.2', port: 40_000, identity: 2, cluster: 'west' },
      ...{ namespace: 'demo', pod: 'client', labels: ['k8s:app=hidden'] },
    });
  });

  it('knows a pod of another cluster by its identity, and by name where that was learnt', () => {
    const want = { address: '10.2.0.5', port: 80, identity: 131_080, cluster: 'east', labels: labelled };
    expect(parties().party(other, 80, 131_080)).toEqual({ ...want, namespace: 'shop', pod: '' });
    const named = parties({}, { namespace: 'shop', name: 'echo-1' });
    expect(named.party(other, 80, 131_080)).toEqual({ ...want, namespace: 'shop', pod: 'echo-1' });
  });

  it.each([
    { name: 'a host', identity: 6, labels: ['reserved:remote-node'] },
    { name: 'the world', identity: 9, labels: ['reserved:world-ipv4'] },
    { name: 'a network', identity: network, labels: ['reserved:world', 'cidr:192.0.2.0/24'] },
    { name: 'an identity without labels', identity: 131_099, labels: [] },
  ])('says what $name is', ({ identity, labels }) => {
    expect(parties({ clusterId: 3 }).party(other, 0, identity)).toMatchObject({ identity, labels, cluster: 'north' });
  });

  it('says in which cluster an address is that nobody publishes', () => {
    expect(parties().party(unclaimed, 0, 2)).toMatchObject({
      identity: 2,
      labels: ['reserved:world'],
      cluster: 'east',
    });
  });

  it('goes by what is known of the address where a program had not looked yet', () => {
    expect(parties({ identity: 131_080 }).party(other, 0, 0)).toMatchObject({ identity: 131_080, labels: labelled });
  });

  it('wants names of pods of other nodes only', () => {
    expect(parties().owned(own, unpublished)).toBeUndefined();
    expect(parties().owned(other, 6)).toBeUndefined();
    expect(parties().owned(other, network)).toBeUndefined();
    expect(parties().owned(other, 131_080)).toEqual({ address: other, clusterId: 2 });
  });
});
