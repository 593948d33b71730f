import type { KvEvent } from '../kv-store.ts';
import { mayHold, placeOf } from './keyspace.ts';

/**
 * - `delete-of`: only if `writer` wrote the key last.
 * - `take`: if `writer` wrote it last, it is ours from now on. No change that anybody is told of.
 */
export type TransactionOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-of' | 'take'; readonly key: string; readonly writer: string };

const lengthBytes = 4;
/** Two lengths and a kind. */
const headBytes = 9;
/** After the kind of a group, for the script: how many operations are in it, and how many of them are no puts. */
const countBytes = 8;
const noCounts = new Uint8Array(countBytes);
/** First byte of a change; the script knows them as well. `@` begins a group: what follows are names in it. */
const kinds = { put: 0x2b, delete: 0x2d, 'delete-of': 0x7e, take: 0x3d, group: 0x40 } as const;

/**
 * The operations of one commit in one piece of bytes: what a script takes, and what the stream then holds, so that
 * neither side takes them apart more than once. Those of one group best follow one another. Each is a name and a change, both behind their length in four bytes.
 */
export function packOps(ops: readonly TransactionOp[]): Buffer {
  const packer = new Packer(ops);
  for (const op of ops) packer.add(op);
  return packer.packed;
}

/** The operations on one group, side by side in a packed commit. */
interface PackedGroup {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * A packed commit as readers have it: taken apart group by group, and of a group only what somebody asks for. Values are
 * parts of `bytes`.
 */
export class PackedCommit {
  readonly bytes: Buffer;
  #groups: readonly PackedGroup[] | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  eventsUnder(prefix: string, modRevision: bigint): KvEvent[] {
    this.#groups ??= findGroups(this.bytes);
    const events: KvEvent[] = [];
    for (const group of this.#groups) if (mayHold(group.name, prefix)) this.#unpack(group, prefix, modRevision, events);
    return events;
  }

  #unpack({ name: group, from, to }: PackedGroup, prefix: string, modRevision: bigint, events: KvEvent[]): void {
    for (let at = from; at < to;) {
      const { name, changeAt, end } = readOp(this.bytes, at);
      at = end;
      const key = group + name;
      if (!key.startsWith(prefix)) continue;
      if (this.bytes[changeAt] !== kinds.put) events.push({ kind: 'delete', key, modRevision });
      else events.push({ kind: 'put', key, value: this.bytes.subarray(changeAt + 1, end), modRevision });
    }
  }
}

function findGroups(packed: Buffer): readonly PackedGroup[] {
  const groups: PackedGroup[] = [];
  for (let at = 0; at < packed.length;) {
    const { name, end: from } = readOp(packed, at);
    let to = from;
    while (to < packed.length && !isGroup(packed, to)) to = endOfOp(packed, to);
    groups.push({ name, from, to });
    at = to;
  }
  return groups;
}

function isGroup(packed: Buffer, at: number): boolean {
  return packed[at + 2 * lengthBytes + packed.readUInt32BE(at)] === kinds.group;
}

function endOfOp(packed: Buffer, at: number): number {
  const nameEnd = at + lengthBytes + packed.readUInt32BE(at);
  return nameEnd + lengthBytes + packed.readUInt32BE(nameEnd);
}

function readOp(
  packed: Buffer,
  at: number,
): { readonly name: string; readonly changeAt: number; readonly end: number } {
  const nameEnd = at + lengthBytes + packed.readUInt32BE(at);
  const changeAt = nameEnd + lengthBytes;
  const name = packed.toString('latin1', at + lengthBytes, nameEnd);
  return { name, changeAt, end: changeAt + packed.readUInt32BE(nameEnd) };
}

class Packer {
  readonly #bytes: Buffer;
  #at = 0;
  #group: string | undefined;
  /** Where the counts of the group stand: operations, and those that are no puts. */
  #countsAt = 0;
  #count = 0;
  #others = 0;

  constructor(ops: readonly TransactionOp[]) {
    let most = 0;
    // Each might be in a group of its own.
    for (const op of ops) most += op.key.length + 2 * headBytes + countBytes + payloadOf(op).length;
    this.#bytes = Buffer.allocUnsafe(most);
  }

  get packed(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  add(op: TransactionOp): void {
    const { group, name } = placeOf(op.key);
    if (group !== this.#group) this.#begin(group);
    this.#write(name, kinds[op.kind], payloadOf(op));
    this.#bytes.writeUInt32BE(++this.#count, this.#countsAt);
    if (op.kind !== 'put') this.#bytes.writeUInt32BE(++this.#others, this.#countsAt + 4);
  }

  #begin(group: string): void {
    this.#group = group;
    this.#write(group, kinds.group, noCounts);
    this.#countsAt = this.#at - countBytes;
    this.#count = 0;
    this.#others = 0;
  }

  #write(name: string, kind: number, payload: Uint8Array | string): void {
    const bytes = this.#bytes;
    let at = bytes.writeUInt32BE(name.length, this.#at);
    for (let index = 0; index < name.length; index++) bytes[at++] = name.charCodeAt(index);
    at = bytes.writeUInt32BE(1 + payload.length, at);
    bytes[at++] = kind;
    if (typeof payload === 'string') bytes.write(payload, at, 'latin1');
    else bytes.set(payload, at);
    this.#at = at + payload.length;
  }
}

function payloadOf(op: TransactionOp): Uint8Array | string {
  if (op.kind === 'put') return op.value;
  return op.kind === 'delete' ? '' : op.writer;
}
