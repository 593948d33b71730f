import type { Random } from '@clustermesh/runtime';
import { formatIp, healthIdentity, ingressIdentity, nodeIp, parseIp, prefixOf } from '@clustermesh/wire';
import type { MeshNode, Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { PodCidrs } from './pod-cidrs.ts';
import type { CidrConflict, OnHolder } from './pod-cidrs.ts';

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

  /** `onHolder` is given a node as its cluster, a slash, its name, an @ and its underlay address, if it has one. */
  constructor(random: Random, localClusterId: number, onHolder?: OnHolder) {
    this.#localClusterId = localClusterId;
    this.#ranges = new PodCidrs(random, localClusterId, onHolder);
  }

  get size(): number {
    return this.#rows.size;
  }

  upsert(clusterId: number, node: MeshNode): NodeUpsert {
    const key = rowKey(node.cluster, node.name);
    const before = this.#rows.get(key);
    const row = { clusterId, node, underlay: underlayOf(node) };
    this.#rows.set(key, row);
    const [had, has] = [before === undefined ? noRanges : this.#rangesOf(before), this.#rangesOf(row)];
    // The new ones first: what stays is held all the while.
    for (const [text, range] of has) if (!had.has(text)) this.#ranges.claim(range.prefix, clusterId, range.node);
    for (const [text, range] of had)
      if (!has.has(text)) this.#ranges.release(range.prefix, range.clusterId, range.node);
    const changesRanges = had.size !== has.size || [...has.keys()].some((text) => !had.has(text));
    return { before, row, changesRanges };
  }

  remove(cluster: string, name: string): NodeRow | undefined {
    const row = this.#rows.get(rowKey(cluster, name));
    if (row === undefined) return undefined;
    this.#rows.delete(rowKey(cluster, name));
    for (const { prefix, node } of this.#rangesOf(row).values()) this.#ranges.release(prefix, row.clusterId, node);
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

  /** How many ranges a cluster claims. */
  rangeCount(clusterId: number): number {
    return this.#ranges.count(clusterId);
  }

  /** Says once more by which nodes the node's pod CIDRs are held. */
  tellHolders({ clusterId, node }: NodeRow): void {
    for (const prefix of podPrefixes(node)) this.#ranges.tellAgain(prefix, clusterId);
  }

  cidrConflicts(): Generator<CidrConflict> {
    return this.#ranges.conflicts();
  }

  #rangesOf({ node, clusterId, underlay }: NodeRow): ReadonlyMap<string, NodeRange> {
    const isOurs = clusterId === this.#localClusterId;
    const prefixes = isOurs ? [...podPrefixes(node), ...nodePrefixes(node)] : podPrefixes(node);
    const name = `${rowKey(node.cluster, node.name)}@${underlay === undefined ? '' : formatIp(underlay)}`;
    return new Map(
      prefixes.map((prefix) => [
        `${keyText(prefix.address)}/${prefix.bits}/${clusterId}/${name}`,
        { prefix, clusterId, node: name },
      ]),
    );
  }
}

/** A range of addresses, and by which node a cluster claims it. */
interface NodeRange {
  readonly prefix: Prefix;
  readonly clusterId: number;
  readonly node: string;
}

const noRanges: ReadonlyMap<string, NodeRange> = new Map();

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

/** More addresses than this no node needs; another cluster shall not fill our maps with them. */
const hostAddresses = 16;

/** The node's own addresses, as far as the maps have them. */
export function hostPrefixes(node: MeshNode | undefined): readonly Prefix[] {
  return node === undefined ? [] : nodePrefixes(node).slice(0, hostAddresses);
}

/** What a node says of an address: who is there. */
export interface HostClaim {
  readonly prefix: Prefix;
  readonly identity: number;
}

/** Where the node's own proxy and its health endpoint are, if it has them (protocol.md §8.9). */
export function insidePrefixes(node: MeshNode | undefined): readonly HostClaim[] {
  if (node === undefined) return [];
  const ingress = [node.ipv4IngressIp, node.ipv6IngressIp].map((ip) => ({ ip, identity: ingressIdentity }));
  const health = [node.ipv4HealthIp, node.ipv6HealthIp].map((ip) => ({ ip, identity: healthIdentity }));
  return [...ingress, ...health].flatMap(({ ip, identity }) => {
    const address = parseIp(ip);
    return address === undefined ? [] : { prefix: { address, bits: 128 }, identity };
  });
}

function nodePrefixes({ ipAddresses }: MeshNode): readonly Prefix[] {
  return (ipAddresses ?? []).flatMap(({ ip }) => {
    const address = parseIp(ip);
    return address === undefined ? [] : { address, bits: 128 };
  });
}

function rowKey(cluster: string, name: string): string {
  return `${cluster}/${name}`;
}
