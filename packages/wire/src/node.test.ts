import { describe, expect, it } from '@jest/globals';
import { nodeCodec, nodeIp, type NodeAddress } from './node.ts';

function node(...ipAddresses: readonly (readonly [type: string, ip: string])[]): Parameters<typeof nodeIp>[0] {
  const empty = nodeCodec.decode(Buffer.from('{}'));
  if (!empty.ok) throw new Error(empty.reason);
  const addresses: NodeAddress[] = ipAddresses.map(([type, ip]) => ({ type, ip }));
  return { ...empty.value, ipAddresses: addresses };
}

describe('the address of a node', () => {
  it.each([
    [
      'its first internal one',
      node(['ExternalIP', '1.1.1.1'], ['InternalIP', '10.0.0.1'], ['InternalIP', '10.0.0.2']),
      '10.0.0.1',
    ],
    [
      'else its last external one',
      node(['Hostname', '9.9.9.9'], ['ExternalIP', '1.1.1.1'], ['ExternalIP', '1.1.1.2']),
      '1.1.1.2',
    ],
    ['else the first other one', node(['Hostname', '9.9.9.9'], ['InternalDNS', '9.9.9.8']), '9.9.9.9'],
    ['never that of the CNI', node(['CiliumInternalIP', '10.1.0.7']), undefined],
    ['of the asked family', node(['InternalIP', 'fd00::1'], ['ExternalIP', '1.1.1.1']), '1.1.1.1'],
    ['never an empty one', node(['InternalIP', '']), undefined],
  ])('is %s', (_name, value, want) => {
    expect(nodeIp(value, 'ipv4')).toBe(want);
  });

  it('is of IPv6 when asked for that', () => {
    expect(nodeIp(node(['InternalIP', '10.0.0.1'], ['InternalIP', 'fd00::1']), 'ipv6')).toBe('fd00::1');
  });

  it('of a node without addresses is none', () => {
    expect(nodeIp({ ...node(), ipAddresses: null }, 'ipv4')).toBeUndefined();
  });
});
