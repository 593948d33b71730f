import { describe, expect, it } from '@jest/globals';

import type { Node } from '@clustermesh/kube';
import { nodeCodec } from '@clustermesh/wire';

import { aNode, east } from '../testing/objects.ts';
import { meshNode } from './node.ts';

function json(node: Node): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(nodeCodec.encode(meshNode(node, east)))) as Record<string, unknown>;
}

describe('meshNode', () => {
  it('has the fields of protocol.md §7.3, null and "" where there is nothing', () => {
    expect(json(aNode('n1', '172.18.0.2', ['10.1.0.0/24']))).toEqual({
      Name: 'n1',
      Cluster: 'east',
      IPAddresses: [{ Type: 'InternalIP', IP: '172.18.0.2' }],
      IPv4AllocCIDR: { IP: '10.1.0.0', Mask: '////AA==' },
      IPv4SecondaryAllocCIDRs: null,
      IPv6AllocCIDR: null,
      IPv6SecondaryAllocCIDRs: null,
      IPv4HealthIP: '',
      IPv6HealthIP: '',
      IPv4IngressIP: '',
      IPv6IngressIP: '',
      ClusterID: 1,
      Source: 'custom-resource',
      EncryptionKey: 0,
      Labels: { 'kubernetes.io/hostname': 'n1' },
      Annotations: null,
      WireguardPubKey: '',
      BootID: 'boot-n1',
    });
  });

  it('takes the first pod CIDR of each family as primary and the others as secondary', () => {
    const node = aNode('n1', '172.18.0.2', ['fd00:1::/64', '10.1.0.0/24', '10.2.0.0/24', 'fd00:2::/64', 'not a cidr']);
    expect(json(node)).toMatchObject({
      IPv4AllocCIDR: { IP: '10.1.0.0' },
      IPv4SecondaryAllocCIDRs: [{ IP: '10.2.0.0', Mask: '////AA==' }],
      IPv6AllocCIDR: { IP: 'fd00:1::', Mask: '//////////8AAAAAAAAAAA==' },
      IPv6SecondaryAllocCIDRs: [{ IP: 'fd00:2::' }],
    });
  });

  it('publishes every address that is an IP, in canonical text, and no host name', () => {
    const node: Node = {
      metadata: { name: 'n1', annotations: { a: 'b' } },
      status: {
        addresses: [
          { type: 'Hostname', address: 'n1' },
          { type: 'ExternalIP', address: '2001:DB8:0::1' },
          { type: 'InternalIP', address: '172.18.0.2' },
          { type: 'Hostname', address: '192.0.2.1' },
        ],
      },
    };
    expect(json(node)).toMatchObject({
      IPAddresses: [
        { Type: 'ExternalIP', IP: '2001:db8::1' },
        { Type: 'InternalIP', IP: '172.18.0.2' },
        { Type: 'Hostname', IP: '192.0.2.1' },
      ],
      Labels: null,
      Annotations: { a: 'b' },
      BootID: '',
    });
  });

  it('reads the single podCIDR of an object without podCIDRs', () => {
    expect(json({ metadata: { name: 'n' }, spec: { podCIDR: '10.1.2.0/24' } })).toMatchObject({
      IPAddresses: null,
      IPv4AllocCIDR: { IP: '10.1.2.0' },
    });
  });
});
