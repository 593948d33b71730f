import { describe, expect, it } from '@jest/globals';

import type { CiliumNode } from '@clustermesh/kube';
import { nodeCodec } from '@clustermesh/wire';

import { east } from '../testing/objects.ts';
import { vector } from '../testing/vectors.ts';
import { meshNodeOfCilium } from './cilium-node.ts';
import type { LocalCluster } from './local-cluster.ts';

function json(spec: CiliumNode['spec'], metadata: Partial<CiliumNode['metadata']> = {}): Record<string, unknown> {
  const node = { metadata: { name: 'n1', ...metadata }, ...(spec === undefined ? {} : { spec }) };
  return JSON.parse(new TextDecoder().decode(nodeCodec.encode(meshNodeOfCilium(node, east)))) as Record<
    string,
    unknown
  >;
}

describe('meshNodeOfCilium', () => {
  it('has every field of protocol.md §2.4, null and empty where nothing is said', () => {
    expect(new TextDecoder().decode(nodeCodec.encode(meshNodeOfCilium({ metadata: { name: 'n1' } }, east)))).toBe(
      '{"Name":"n1","Cluster":"east","IPAddresses":null,"IPv4AllocCIDR":null,"IPv4SecondaryAllocCIDRs":null,' +
        '"IPv6AllocCIDR":null,"IPv6SecondaryAllocCIDRs":null,"IPv4HealthIP":"","IPv6HealthIP":"","IPv4IngressIP":"",' +
        '"IPv6IngressIP":"","ClusterID":1,"Source":"custom-resource","EncryptionKey":0,"Labels":null,"Annotations":null,' +
        '"WireguardPubKey":"","BootID":""}',
    );
  });

  it('takes addresses, health, ingress, encryption, labels and the boot id over', () => {
    const spec: CiliumNode['spec'] = {
      addresses: [
        { type: 'InternalIP', ip: '172.18.0.2' },
        { type: 'CiliumInternalIP', ip: 'FD00:10:244::0:E2D6' },
        { type: 'Hostname', ip: 'n1' },
      ],
      bootid: '570d3fd1',
      encryption: { key: 7 },
      health: { ipv4: '10.244.0.134', ipv6: 'fd00:10:244::d812' },
      ingress: { ipv4: '10.244.0.135', ipv6: 'not an address' },
    };
    expect(json(spec, { labels: { a: 'b' } })).toMatchObject({
      IPAddresses: [
        { Type: 'InternalIP', IP: '172.18.0.2' },
        { Type: 'CiliumInternalIP', IP: 'fd00:10:244::e2d6' },
      ],
      ...{ IPv4HealthIP: '10.244.0.134', IPv6HealthIP: 'fd00:10:244::d812' },
      ...{ IPv4IngressIP: '10.244.0.135', IPv6IngressIP: '' },
      ...{ EncryptionKey: 7, Labels: { a: 'b' }, BootID: '570d3fd1' },
    });
  });

  it('takes the first CIDR of a family as the primary one, pools after the node’s own', () => {
    const spec = {
      ipam: {
        podCIDRs: ['10.1.0.0/24', 'fd00:1::/64', 'nonsense', '10.2.0.0/24'],
        pools: { allocated: [{ cidrs: ['10.3.0.0/26', 'fd00:2::/64'] }, {}] },
      },
    };
    expect(json(spec)).toMatchObject({
      IPv4AllocCIDR: { IP: '10.1.0.0', Mask: '////AA==' },
      IPv4SecondaryAllocCIDRs: [
        { IP: '10.2.0.0', Mask: '////AA==' },
        { IP: '10.3.0.0', Mask: '////wA==' },
      ],
      IPv6AllocCIDR: { IP: 'fd00:1::' },
      IPv6SecondaryAllocCIDRs: [{ IP: 'fd00:2::' }],
    });
  });

  it.each([
    { name: 'today’s annotation', annotations: { 'network.cilium.io/wg-pub-key': 'new' }, want: 'new' },
    { name: 'its alias', annotations: { 'io.cilium.network.wg-pub-key': 'old' }, want: 'old' },
    {
      name: 'today’s rather than the alias',
      annotations: { 'io.cilium.network.wg-pub-key': 'old', 'network.cilium.io/wg-pub-key': 'new' },
      want: 'new',
    },
  ])('reads the WireGuard key from $name', ({ annotations, want }) => {
    expect(json(undefined, { annotations })).toMatchObject({ WireguardPubKey: want, Annotations: annotations });
  });

  const wireguardKey = 'VRksOB6ZNds4oXWIGfSVpvc0gBhcOWFmzvTDcyvULlI=';

  it.each<{ name: string; cluster: string; node: CiliumNode }>([
    {
      name: 'node-typical-v4',
      cluster: 'cluster1',
      node: {
        metadata: { name: 'worker1', labels: { 'kubernetes.io/hostname': 'worker1' } },
        spec: {
          addresses: [
            { type: 'InternalIP', ip: '172.18.0.2' },
            { type: 'CiliumInternalIP', ip: '10.1.0.7' },
          ],
          ipam: { podCIDRs: ['10.1.0.0/24'] },
          health: { ipv4: '10.1.0.52' },
          bootid: '570d3fd1-93db-4862-ba99-6a3c2c10c38f',
        },
      },
    },
    {
      name: 'node-wireguard',
      cluster: 'c1',
      node: {
        metadata: { name: 'wg', annotations: { 'network.cilium.io/wg-pub-key': wireguardKey } },
        spec: { addresses: [{ type: 'InternalIP', ip: '172.18.0.2' }], encryption: { key: 255 } },
      },
    },
  ])('is, byte for byte, the vector $name', ({ name, cluster, node }) => {
    const local: LocalCluster = { ...east, name: cluster as LocalCluster['name'] };
    const bytes = nodeCodec.encode(meshNodeOfCilium(node, local));
    expect(Buffer.from(bytes).toString()).toBe(vector(`${name}.value`).toString());
  });

  it('reads nulls as what is not there', () => {
    const ipam = { podCIDRs: null, pools: { allocated: [{ cidrs: null }] } };
    const nulls = { addresses: [{ type: 'InternalIP', ip: null }], ipam, health: null, encryption: null, bootid: null };
    for (const spec of [null, nulls]) {
      const node = { metadata: { name: 'n' }, spec } as unknown as CiliumNode;
      expect(meshNodeOfCilium(node, east)).toEqual(meshNodeOfCilium({ metadata: { name: 'n' } }, east));
    }
  });
});
