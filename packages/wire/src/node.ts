import type { Cidr } from './cidr.ts';
import type { Codec } from './codec.ts';
import { goJson, map, nullable, slice, string, uint32, uint8, type GoMap } from './go-json.ts';
import { cidr, ip } from './go-net.ts';
import { struct } from './go-struct.ts';

/** Hostname, ExternalIP, InternalIP, ExternalDNS, InternalDNS, CiliumInternalIP; `ip` is '' where there is none. */
export interface NodeAddress {
  readonly type: string;
  readonly ip: string;
}

/** STABLE API, protocol.md §2.4. Every property is written, in this order; `null` is Go's nil. */
export interface MeshNode {
  readonly name: string;
  readonly cluster: string;
  readonly ipAddresses: readonly NodeAddress[] | null;
  readonly ipv4AllocCidr: Cidr | null;
  readonly ipv4SecondaryAllocCidrs: readonly (Cidr | null)[] | null;
  readonly ipv6AllocCidr: Cidr | null;
  readonly ipv6SecondaryAllocCidrs: readonly (Cidr | null)[] | null;
  readonly ipv4HealthIp: string;
  readonly ipv6HealthIp: string;
  readonly ipv4IngressIp: string;
  readonly ipv6IngressIp: string;
  readonly clusterId: number;
  /** Informative: readers know better where the value came from. */
  readonly source: string;
  /** IPsec key index; 255 marks WireGuard, 0 none. */
  readonly encryptionKey: number;
  readonly labels: GoMap<string> | null;
  readonly annotations: GoMap<string> | null;
  readonly wireguardPubKey: string;
  readonly bootId: string;
}

const secondaryCidrs = slice(nullable(cidr));

export const nodeCodec: Codec<MeshNode> = goJson(
  struct<MeshNode>({
    name: ['Name', string],
    cluster: ['Cluster', string],
    ipAddresses: ['IPAddresses', slice(struct<NodeAddress>({ type: ['Type', string], ip: ['IP', ip] }))],
    ipv4AllocCidr: ['IPv4AllocCIDR', nullable(cidr)],
    ipv4SecondaryAllocCidrs: ['IPv4SecondaryAllocCIDRs', secondaryCidrs],
    ipv6AllocCidr: ['IPv6AllocCIDR', nullable(cidr)],
    ipv6SecondaryAllocCidrs: ['IPv6SecondaryAllocCIDRs', secondaryCidrs],
    ipv4HealthIp: ['IPv4HealthIP', ip],
    ipv6HealthIp: ['IPv6HealthIP', ip],
    ipv4IngressIp: ['IPv4IngressIP', ip],
    ipv6IngressIp: ['IPv6IngressIP', ip],
    clusterId: ['ClusterID', uint32],
    source: ['Source', string],
    encryptionKey: ['EncryptionKey', uint8],
    labels: ['Labels', map(string)],
    annotations: ['Annotations', map(string)],
    wireguardPubKey: ['WireguardPubKey', string],
    bootId: ['BootID', string],
  }),
);

/**
 * The address by which other nodes reach this one: its first InternalIP of the family, else its last ExternalIP, else
 * the first of any other type; never the CNI's own address.
 */
export function nodeIp(node: MeshNode, family: 'ipv4' | 'ipv6'): string | undefined {
  const ofFamily = (node.ipAddresses ?? []).filter(
    ({ type, ip: text }) => text !== '' && type !== 'CiliumInternalIP' && text.includes(':') === (family === 'ipv6'),
  );
  const chosen =
    ofFamily.find(({ type }) => type === 'InternalIP') ??
    ofFamily.findLast(({ type }) => type === 'ExternalIP') ??
    ofFamily[0];
  return chosen?.ip;
}
