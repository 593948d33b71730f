import { nodeIp, parseIp, prefixOf } from '@clustermesh/wire';
import type { MeshNode, Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';

export interface NodeRow {
  readonly clusterId: number;
  readonly node: MeshNode;
  /** Where its tunnel packets go to and come from, 16 bytes; `undefined` when the node tells no address. */
  readonly underlay: Uint8Array | undefined;
}

/** Nodes of all clusters by `cluster/name`, and whose pod CIDR an address lies in. */
export class NodeTable {
  readonly #rows = new Map<string, NodeRow>();
  /** Per prefix length, prefix → cluster ids in order of arrival: the first one owns it. */
  readonly #owners = new Map<number, Map<string, number[]>>();

  get size(): number {
    return this.#rows.size;
  }

  /** The row that stood before, if any. */
  upsert(clusterId: number, node: MeshNode): { readonly before: NodeRow | undefined; readonly row: NodeRow } {
    const before = this.remove(node.cluster, node.name);
    const row = { clusterId, node, underlay: underlayOf(node) };
    this.#rows.set(rowKey(node.cluster, node.name), row);
    for (const prefix of podPrefixes(node)) this.#own(prefix, clusterId);
    return { before, row };
  }

  remove(cluster: string, name: string): NodeRow | undefined {
    const row = this.#rows.get(rowKey(cluster, name));
    if (row === undefined) return undefined;
    this.#rows.delete(rowKey(cluster, name));
    for (const prefix of podPrefixes(row.node)) this.#disown(prefix, row.clusterId);
    return row;
  }

  get(cluster: string, name: string): NodeRow | undefined {
    return this.#rows.get(rowKey(cluster, name));
  }

  rows(): IterableIterator<NodeRow> {
    return this.#rows.values();
  }

  /** The cluster on whose node's pod CIDR this address lies; the longest prefix counts, then the first claim. */
  podCidrOwner(address: Uint8Array): number | undefined {
    for (const bits of [...this.#owners.keys()].sort((a, b) => b - a)) {
      const owner = this.#owners.get(bits)?.get(keyText(masked(address, bits)))?.[0];
      if (owner !== undefined) return owner;
    }
    return undefined;
  }

  #own(prefix: Prefix, clusterId: number): void {
    const ofLength = this.#owners.get(prefix.bits) ?? new Map<string, number[]>();
    this.#owners.set(prefix.bits, ofLength);
    const key = keyText(prefix.address);
    const owners = ofLength.get(key);
    if (owners === undefined) ofLength.set(key, [clusterId]);
    else owners.push(clusterId);
  }

  #disown(prefix: Prefix, clusterId: number): void {
    const ofLength = this.#owners.get(prefix.bits);
    const owners = ofLength?.get(keyText(prefix.address));
    if (ofLength === undefined || owners === undefined) return;
    const at = owners.indexOf(clusterId);
    if (at >= 0) owners.splice(at, 1);
    if (owners.length === 0) ofLength.delete(keyText(prefix.address));
    if (ofLength.size === 0) this.#owners.delete(prefix.bits);
  }
}

/** Pod CIDRs of a node, primary ones first. */
export function podPrefixes(node: MeshNode): readonly Prefix[] {
  const cidrs = [
    node.ipv4AllocCidr,
    ...(node.ipv4SecondaryAllocCidrs ?? []),
    node.ipv6AllocCidr,
    ...(node.ipv6SecondaryAllocCidrs ?? []),
  ];
  return cidrs.flatMap((cidr) => (cidr === null ? [] : (prefixOf(cidr) ?? [])));
}

/** IPv4 where a node has both: 20 bytes less a packet, and the family that all nodes of a mesh have in common. */
function underlayOf(node: MeshNode): Uint8Array | undefined {
  const text = nodeIp(node, 'ipv4') ?? nodeIp(node, 'ipv6');
  return text === undefined ? undefined : parseIp(text);
}

function masked(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, index) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff);
}

function rowKey(cluster: string, name: string): string {
  return `${cluster}/${name}`;
}
