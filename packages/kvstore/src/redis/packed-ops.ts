import type { KvEvent } from '../kv-store.ts';
import { placeOf } from './keyspace.ts';

/**
 * - `delete-of`: only if `writer` wrote the key last.
 * - `take`: if `writer` wrote it last, it is ours from now on. No change that anybody is told of.
 */
export type TransactionOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-of' | 'take'; readonly key: string; readonly writer: string };

const lengthBytes = 4;
/** First byte of a change; the script knows them as well. `@` begins a group: what follows are names in it. */
const kinds = { put: 0x2b, delete: 0x2d, 'delete-of': 0x7e, take: 0x3d, group: 0x40 } as const;

/**
 * The operations of one commit in one piece of bytes: what a script takes, and what the stream then holds, so that
 * neither side takes them apart more than once. Each is a name and a change, both behind their length in four bytes.
 */
export function packOps(ops: readonly TransactionOp[]): Buffer {
  const byGroup = new Map<string, { name: string; op: TransactionOp }[]>();
  let bytes = 0;
  for (const op of ops) {
    const { group, name } = placeOf(op.key);
    let members = byGroup.get(group);
    if (members === undefined) {
      byGroup.set(group, (members = []));
      bytes += sizeOf(group, 0);
    }
    members.push({ name, op });
    bytes += sizeOf(name, payloadLength(op));
  }
  const packer = new Packer(bytes);
  for (const [group, members] of byGroup) {
    packer.add(group, kinds.group, undefined);
    for (const { name, op } of members) packer.add(name, kinds[op.kind], payloadOf(op));
  }
  return packer.bytes;
}

/** What a packed commit of `modRevision` has changed. Values are parts of `packed`. */
export function unpackEvents(packed: Buffer, modRevision: bigint): KvEvent[] {
  const events: KvEvent[] = [];
  let group = '';
  for (let at = 0; at < packed.length;) {
    const nameEnd = at + lengthBytes + packed.readUInt32BE(at);
    const name = packed.toString('latin1', at + lengthBytes, nameEnd);
    const changeAt = nameEnd + lengthBytes;
    at = changeAt + packed.readUInt32BE(nameEnd);
    const kind = packed[changeAt];
    if (kind === kinds.group) group = name;
    else if (kind !== kinds.put) events.push({ kind: 'delete', key: group + name, modRevision });
    else events.push({ kind: 'put', key: group + name, value: packed.subarray(changeAt + 1, at), modRevision });
  }
  return events;
}

function payloadOf(op: TransactionOp): Uint8Array | string | undefined {
  if (op.kind === 'put') return op.value;
  return op.kind === 'delete' ? undefined : op.writer;
}

function payloadLength(op: TransactionOp): number {
  return payloadOf(op)?.length ?? 0;
}

function sizeOf(name: string, payload: number): number {
  return 2 * lengthBytes + name.length + 1 + payload;
}

class Packer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafe(length);
  }

  add(name: string, kind: number, payload: Uint8Array | string | undefined): void {
    this.#at = this.bytes.writeUInt32BE(name.length, this.#at);
    this.#at += this.bytes.write(name, this.#at, 'latin1');
    this.#at = this.bytes.writeUInt32BE(1 + (payload?.length ?? 0), this.#at);
    this.bytes[this.#at++] = kind;
    if (payload === undefined) return;
    if (typeof payload === 'string') this.bytes.write(payload, this.#at, 'latin1');
    else this.bytes.set(payload, this.#at);
    this.#at += payload.length;
  }
}
