import type { Random } from '@clustermesh/runtime';
import { nodeIp, parseIp, prefixOf } from '@clustermesh/wire';
import type { MeshNode, Prefix } from '@clustermesh/wire';

import { PodCidrs } from './pod-cidrs.ts';
import type { CidrConflict } from './pod-cidrs.ts';

export interface NodeRow {
  readonly clusterId: number;
  readonly node: MeshNode;
  /** Where its tunnel packets go to and come from, 16 bytes; `undefined` when the node tells no address. */
  readonly underlay: Uint8Array | undefined;
}

export interface NodeUpsert {
  /** The row that stood before, if any. */
  readonly before: NodeRow | undefined;
  readonly row: NodeRow;
  /** Whose addresses are whose may have changed. */
  readonly changesRanges: boolean;
}

/** Nodes of all clusters by `cluster/name`, and whose addresses are whose: pod CIDRs, and addresses of our own nodes. */
export class NodeTable {
  readonly #localClusterId: number;
  readonly #rows = new Map<string, NodeRow>();
  readonly #ranges: PodCidrs;

  constructor(random: Random, localClusterId: number) {
    this.#localClusterId = localClusterId;
    this.#ranges = new PodCidrs(random, localClusterId);
  }

  get size(): number {
    return this.#rows.size;
  }

  upsert(clusterId: number, node: MeshNode): NodeUpsert {
    const key = rowKey(node.cluster, node.name);
    const before = this.#rows.get(key);
    const row = { clusterId, node, underlay: underlayOf(node) };
    this.#rows.set(key, row);
    const [had, has] = [before === undefined ? [] : this.#rangesOf(before), this.#rangesOf(row)];
    const changesRanges = rangesText(had) !== rangesText(has) || before?.clusterId !== clusterId;
    if (changesRanges) {
      // The new ones first: what stays is held all the while.
      for (const prefix of has) this.#ranges.claim(prefix, clusterId);
      if (before !== undefined) for (const prefix of had) this.#ranges.release(prefix, before.clusterId);
    }
    return { before, row, changesRanges };
  }

  remove(cluster: string, name: string): NodeRow | undefined {
    const row = this.#rows.get(rowKey(cluster, name));
    if (row === undefined) return undefined;
    this.#rows.delete(rowKey(cluster, name));
    for (const prefix of this.#rangesOf(row)) this.#ranges.release(prefix, row.clusterId);
    return row;
  }

  get(cluster: string, name: string): NodeRow | undefined {
    return this.#rows.get(rowKey(cluster, name));
  }

  rows(): IterableIterator<NodeRow> {
    return this.#rows.values();
  }

  /** The cluster in whose range the address lies. */
  owner(address: Uint8Array): number | undefined {
    return this.#ranges.owner(address);
  }

  /** Has the prefix anything in common with the ranges of our own cluster? */
  touchesLocal(prefix: Prefix): boolean {
    return this.#ranges.touchesLocal(prefix);
  }

  cidrConflicts(): Generator<CidrConflict> {
    return this.#ranges.conflicts();
  }

  #rangesOf({ node, clusterId }: NodeRow): readonly Prefix[] {
    return clusterId === this.#localClusterId ? [...podPrefixes(node), ...nodePrefixes(node)] : podPrefixes(node);
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

/** The node's own addresses. */
function nodePrefixes({ ipAddresses }: MeshNode): readonly Prefix[] {
  return (ipAddresses ?? []).flatMap(({ ip }) => {
    const address = parseIp(ip);
    return address === undefined ? [] : { address, bits: 128 };
  });
}

function rangesText(prefixes: readonly Prefix[]): string {
  return prefixes.map(({ address, bits }) => `${address.join('.')}/${bits}`).join();
}

function rowKey(cluster: string, name: string): string {
  return `${cluster}/${name}`;
}
