import { isIpv4 } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

/** What a node says of an address: who is there. */
export interface HostClaim {
  readonly prefix: Prefix;
  readonly identity: number;
}

/** What is kept of a node beside its name. */
export interface NodeFacts {
  readonly clusterId: number;
  /** Where its tunnel packets go to and come from, 16 bytes; `undefined` when the node tells no address. */
  readonly underlay: Uint8Array | undefined;
  /** Primary ones first. */
  readonly podCidrs: readonly Prefix[];
  /** The node's own. */
  readonly addresses: readonly Prefix[];
  /** Where its proxy and its health endpoint are, if it has them. */
  readonly inside: readonly HostClaim[];
}

/**
 * The same as bytes in a string: a mesh has tens of thousands of nodes, and a string is one piece of memory where an
 * object of these is twenty, which are looked at by every collection.
 */
export function packNode({ clusterId, underlay, podCidrs, addresses, inside }: NodeFacts): string {
  const bytes: number[] = [];
  writeNumber(bytes, clusterId, 2);
  bytes.push(underlay === undefined ? 0 : 1);
  if (underlay !== undefined) writePrefix(bytes, { address: underlay, bits: 128 });
  for (const prefixes of [podCidrs, addresses]) {
    writeNumber(bytes, prefixes.length, 2);
    for (const prefix of prefixes) writePrefix(bytes, prefix);
  }
  bytes.push(inside.length);
  for (const { prefix, identity } of inside) {
    writePrefix(bytes, prefix);
    writeNumber(bytes, identity, 4);
  }
  return Buffer.from(bytes).toString('latin1');
}

export function unpackNode(packed: string): NodeFacts {
  const reader = new PackedReader(packed);
  const clusterId = reader.number(2);
  const underlay = reader.number(1) === 0 ? undefined : reader.prefix().address;
  const podCidrs = reader.list(reader.number(2), () => reader.prefix());
  const addresses = reader.list(reader.number(2), () => reader.prefix());
  const inside = reader.list(reader.number(1), () => ({ prefix: reader.prefix(), identity: reader.number(4) }));
  return { clusterId, underlay, podCidrs, addresses, inside };
}

/** Where it is alone what is asked for, of thousands. */
export function clusterOfPacked(packed: string): number {
  return new PackedReader(packed).number(2);
}

/** The same. */
export function underlayOfPacked(packed: string): Uint8Array | undefined {
  const reader = new PackedReader(packed);
  reader.number(2);
  return reader.number(1) === 0 ? undefined : reader.prefix().address;
}

/** Bytes before the last four of an IPv4 address. */
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/** Of IPv4 four bytes are enough. */
function writePrefix(bytes: number[], { address, bits }: Prefix): void {
  const isV4 = isIpv4(address);
  bytes.push(isV4 ? 1 : 0, bits);
  for (let at = isV4 ? mapped.length : 0; at < address.length; at++) bytes.push(address[at] ?? 0);
}

function writeNumber(bytes: number[], value: number, size: number): void {
  for (let at = size - 1; at >= 0; at--) bytes.push((value >>> (8 * at)) & 0xff);
}

class PackedReader {
  readonly #packed: string;
  #at = 0;

  constructor(packed: string) {
    this.#packed = packed;
  }

  number(size: number): number {
    let value = 0;
    for (let at = 0; at < size; at++) value = value * 256 + this.#packed.charCodeAt(this.#at++);
    return value;
  }

  prefix(): Prefix {
    const isV4 = this.number(1) === 1;
    const bits = this.number(1);
    const address = new Uint8Array(16);
    if (isV4) address.set(mapped);
    for (let at = isV4 ? mapped.length : 0; at < 16; at++) address[at] = this.number(1);
    return { address, bits };
  }

  list<T>(length: number, read: () => T): readonly T[] {
    return Array.from({ length }, read);
  }
}
