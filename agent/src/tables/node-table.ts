import type { Random } from '@clustermesh/runtime';
import { healthIdentity, ingressIdentity, nodeIp, parseIp, prefixOf } from '@clustermesh/wire';
import type { MeshNode, Prefix } from '@clustermesh/wire';

import { keyText } from '../maps/address.ts';
import { ownText } from './label-pool.ts';
import { clusterOfPacked, packNode, underlayOfPacked, unpackNode } from './packed-node.ts';
import type { HostClaim, NodeFacts } from './packed-node.ts';
import { PodCidrs } from './pod-cidrs.ts';
import type { CidrConflict, OnHolder } from './pod-cidrs.ts';

/** Made when it is asked for. */
export interface NodeRow extends NodeFacts {
  readonly cluster: string;
  readonly name: string;
  /** From 1 on; another node's once this one is gone. */
  readonly number: number;
}

export interface NodeUpsert {
  /** The row that stood before, if any. */
  readonly before: NodeRow | undefined;
  readonly row: NodeRow;
  /** Whose addresses are whose may have changed. */
  readonly changesRanges: boolean;
}

/** Nodes of all clusters by name, and whose addresses are whose: pod CIDRs, and addresses of our own nodes. */
export class NodeTable {
  readonly #localClusterId: number;
  /** By cluster, then by name. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** By number. */
  readonly #packed: (string | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #ranges: PodCidrs;

  constructor(random: Random, localClusterId: number, onHolder?: OnHolder) {
    this.#localClusterId = localClusterId;
    this.#ranges = new PodCidrs(random, localClusterId, onHolder);
  }

  get size(): number {
    return this.#packed.length - 1 - this.#free.length;
  }

  upsert(clusterId: number, node: MeshNode): NodeUpsert {
    const before = this.get(node.cluster, node.name);
    const number = before?.number ?? this.#add(node.cluster, node.name);
    const row = { ...factsOf(clusterId, node), cluster: node.cluster, name: node.name, number };
    this.#packed[number] = packNode(row);
    const [had, has] = [before === undefined ? noRanges : this.#rangesOf(before), this.#rangesOf(row)];
    const hasMoved = before !== undefined && textOf(before.underlay) !== textOf(row.underlay);
    // The new ones first: what stays is held all the while.
    for (const [text, prefix] of has) {
      if (!had.has(text)) this.#ranges.claim(prefix, clusterId, number);
      else if (hasMoved) this.#ranges.tellAgain(prefix, clusterId);
    }
    if (before !== undefined) this.#release(before, had, has);
    const changesRanges = hasMoved || had.size !== has.size || [...has.keys()].some((text) => !had.has(text));
    return { before, row, changesRanges };
  }

  remove(cluster: string, name: string): NodeRow | undefined {
    const row = this.get(cluster, name);
    if (row === undefined) return undefined;
    this.#release(row, this.#rangesOf(row), noRanges);
    const names = this.#numbers.get(cluster);
    names?.delete(name);
    if (names?.size === 0) this.#numbers.delete(cluster);
    this.#packed[row.number] = undefined;
    this.#free.push(row.number);
    return row;
  }

  get(cluster: string, name: string): NodeRow | undefined {
    return this.#row(cluster, name, this.#numbers.get(cluster)?.get(name) ?? 0);
  }

  *rows(): IterableIterator<NodeRow> {
    for (const [cluster, names] of this.#numbers) {
      for (const [name, number] of names) {
        const row = this.#row(cluster, name, number);
        if (row !== undefined) yield row;
      }
    }
  }

  /** Of the nodes of our own cluster. */
  localNames(): readonly string[] {
    const local: string[] = [];
    for (const names of this.#numbers.values()) {
      for (const [name, number] of names) {
        if (clusterOfPacked(this.#packed[number] ?? '') === this.#localClusterId) local.push(name);
      }
    }
    return local;
  }

  /** Of the node with this number. */
  underlay(number: number): Uint8Array | undefined {
    const packed = this.#packed[number];
    return packed === undefined ? undefined : underlayOfPacked(packed);
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
  tellHolders({ clusterId, podCidrs }: NodeRow): void {
    for (const prefix of podCidrs) this.#ranges.tellAgain(prefix, clusterId);
  }

  cidrConflicts(): Generator<CidrConflict> {
    return this.#ranges.conflicts();
  }

  #row(cluster: string, name: string, number: number): NodeRow | undefined {
    const packed = this.#packed[number];
    return packed === undefined ? undefined : { ...unpackNode(packed), cluster, name, number };
  }

  #add(cluster: string, name: string): number {
    const number = this.#free.pop() ?? this.#packed.push(undefined) - 1;
    const names = this.#numbers.get(cluster) ?? new Map<string, number>();
    this.#numbers.set(cluster, names.set(ownText(name), number));
    return number;
  }

  #release({ clusterId, number }: NodeRow, had: Ranges, has: Ranges): void {
    for (const [text, prefix] of had) if (!has.has(text)) this.#ranges.release(prefix, clusterId, number);
  }

  /** By text. */
  #rangesOf({ clusterId, podCidrs, addresses }: NodeRow): Ranges {
    const prefixes = clusterId === this.#localClusterId ? [...podCidrs, ...addresses] : podCidrs;
    return new Map(
      prefixes.map((prefix) => [`${keyText(prefix.address)}/${prefix.bits}/${clusterId}`, prefix] as const),
    );
  }
}

type Ranges = ReadonlyMap<string, Prefix>;

const noRanges: Ranges = new Map();

function factsOf(clusterId: number, node: MeshNode): NodeFacts {
  return {
    clusterId,
    underlay: underlayOf(node),
    podCidrs: podPrefixes(node),
    addresses: nodePrefixes(node),
    inside: insidePrefixes(node),
  };
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

/** More addresses than this no node needs; another cluster shall not fill our maps with them. */
const hostAddresses = 16;

/** What the maps have of a node's addresses (protocol.md §8.9). Where one address is several things, a node comes first. */
export function hostClaims({ addresses, inside }: NodeRow, identity: number): readonly HostClaim[] {
  return [...inside, ...addresses.slice(0, hostAddresses).map((prefix) => ({ prefix, identity }))];
}

/** Where the node's own proxy and its health endpoint are, if it has them (protocol.md §8.9). */
function insidePrefixes(node: MeshNode): readonly HostClaim[] {
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

function textOf(address: Uint8Array | undefined): string {
  return address === undefined ? '' : keyText(address);
}
