import { ProtoReader } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

/**
 * The messages of etcd's v3 API that we use, with the field numbers of its rpc.proto and kv.proto
 * (https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/). Fields that we never set or read are absent.
 */

export interface Header {
  readonly clusterId: bigint;
  readonly revision: bigint;
}

export interface KeyValue {
  readonly key: string;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly value: Buffer;
}

export interface RangeRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly limit?: number;
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export type RequestOp =
  | { readonly kind: 'range'; readonly range: RangeRequest }
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease: bigint }
  | { readonly kind: 'delete-range'; readonly key: string; readonly rangeEnd?: string };

export interface TxnResponse {
  readonly header: Header;
  /** Of range ops, in their order; puts and deletes answer nothing that we read. */
  readonly ranges: readonly RangeResponse[];
}

export interface WatchCreate {
  readonly key: string;
  readonly rangeEnd: string;
  readonly startRevision: bigint;
}

export interface WatchEvent {
  readonly isDelete: boolean;
  readonly kv: KeyValue;
}

export interface WatchResponse {
  readonly header: Header;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Above 0 when what was asked for is compacted; the header's revision is then 0. */
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  readonly events: readonly WatchEvent[];
}

export interface Lease {
  readonly header: Header;
  readonly id: bigint;
  /** Seconds; 0 or less: the lease does not exist any more. */
  readonly ttl: number;
}

export const noHeader: Header = { clusterId: 0n, revision: 0n };
export const noBytes = Buffer.alloc(0);

export function encodeRange(request: RangeRequest): Buffer {
  const writer = new ProtoWriter();
  writeRange(writer, request);
  return writer.finish();
}

function writeRange(writer: ProtoWriter, request: RangeRequest): void {
  writer.bool(8, request.keysOnly ?? false);
  writer.uint64(4, request.revision ?? 0n);
  writer.uint64(3, request.limit ?? 0);
  writer.latin1(2, request.rangeEnd ?? '');
  writer.latin1(1, request.key);
}

export function encodeTxn(ops: readonly RequestOp[]): Buffer {
  const writer = new ProtoWriter(ops.reduce((size, op) => size + opSize(op), 16));
  for (let index = ops.length - 1; index >= 0; index--) {
    const end = writer.beginMessage();
    writeOp(writer, ops[index] as RequestOp);
    writer.endMessage(2, end);
  }
  return writer.finish();
}

function opSize(op: RequestOp): number {
  return op.kind === 'put' ? op.key.length + op.value.length + 40 : 160;
}

const requestOpField = { range: 1, put: 2, 'delete-range': 3 } as const;

function writeOp(writer: ProtoWriter, op: RequestOp): void {
  const end = writer.beginMessage();
  switch (op.kind) {
    case 'range':
      writeRange(writer, op.range);
      break;
    case 'put':
      writer.uint64(3, op.lease);
      writer.bytes(2, op.value);
      writer.latin1(1, op.key);
      break;
    case 'delete-range':
      writer.latin1(2, op.rangeEnd ?? '');
      writer.latin1(1, op.key);
  }
  writer.endMessage(requestOpField[op.kind], end);
}

/**
 * Progress notifications move the resume point of a quiet prefix. No fragments: etcd computes the size of a growing
 * message anew for each event, which is quadratic; 100,000 small events took it 20 s.
 */
export function encodeWatchCreate(request: WatchCreate): Buffer {
  const writer = new ProtoWriter();
  writer.message(1, () => {
    writer.bool(4, true);
    writer.uint64(3, request.startRevision);
    writer.latin1(2, request.rangeEnd);
    writer.latin1(1, request.key);
  });
  return writer.finish();
}

export function encodeLeaseGrant(ttlSeconds: number): Buffer {
  const writer = new ProtoWriter();
  writer.uint64(1, ttlSeconds);
  return writer.finish();
}

/** LeaseKeepAliveRequest. */
export function encodeLeaseId(id: bigint): Buffer {
  const writer = new ProtoWriter();
  writer.uint64(1, id);
  return writer.finish();
}

export function decodeRange(bytes: Buffer): RangeResponse {
  return readRange(new ProtoReader(bytes));
}

function readRange(reader: ProtoReader): RangeResponse {
  let header = noHeader;
  let more = false;
  const kvs: KeyValue[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader);
    else if (field === 2) kvs.push(reader.message(readKeyValue));
    else if (field === 3) more = reader.bool();
    else reader.skip();
  }
  return { header, kvs, more };
}

export function decodeTxn(bytes: Buffer): TxnResponse {
  const reader = new ProtoReader(bytes);
  let header = noHeader;
  const ranges: RangeResponse[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader);
    else if (field === 3) reader.message((op) => readResponseOp(op, ranges));
    else reader.skip();
  }
  return { header, ranges };
}

function readResponseOp(reader: ProtoReader, ranges: RangeResponse[]): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ranges.push(reader.message(readRange));
    else reader.skip();
  }
}

export function decodeWatch(bytes: Buffer): WatchResponse {
  const reader = new ProtoReader(bytes);
  const events: WatchEvent[] = [];
  const response = { ...noWatchResponse, events };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) response.header = reader.message(readHeader);
    else if (field === 3) response.created = reader.bool();
    else if (field === 4) response.canceled = reader.bool();
    else if (field === 5) response.compactRevision = reader.uint64();
    else if (field === 6) response.cancelReason = reader.utf8();
    else if (field === 11) events.push(reader.message(readEvent));
    else reader.skip();
  }
  return response;
}

const noWatchResponse = {
  header: noHeader,
  created: false,
  canceled: false,
  compactRevision: 0n,
  cancelReason: '',
};

function readEvent(reader: ProtoReader): WatchEvent {
  let isDelete = false;
  let kv: KeyValue = { key: '', createRevision: 0n, modRevision: 0n, value: noBytes };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) isDelete = reader.uint32() === 1;
    else if (field === 2) kv = reader.message(readKeyValue);
    else reader.skip();
  }
  return { isDelete, kv };
}

/** LeaseGrantResponse and LeaseKeepAliveResponse have the same fields. */
export function decodeLease(bytes: Buffer): Lease {
  const reader = new ProtoReader(bytes);
  let [header, id, ttl] = [noHeader, 0n, 0];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader);
    else if (field === 2) id = reader.uint64();
    else if (field === 3) ttl = Number(BigInt.asIntN(64, reader.uint64()));
    else reader.skip();
  }
  return { header, id, ttl };
}

/** Of replies that say no more than that it was done. */
export function decodeHeaderOnly(bytes: Buffer): { readonly header: Header } {
  const reader = new ProtoReader(bytes);
  let header = noHeader;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader);
    else reader.skip();
  }
  return { header };
}

export function readHeader(reader: ProtoReader): Header {
  let [clusterId, revision] = [0n, 0n];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) clusterId = reader.uint64();
    else if (field === 3) revision = reader.uint64();
    else reader.skip();
  }
  return { clusterId, revision };
}

function readKeyValue(reader: ProtoReader): KeyValue {
  let key = '';
  let [createRevision, modRevision] = [0n, 0n];
  let value: Buffer = noBytes;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.latin1();
    else if (field === 2) createRevision = reader.uint64();
    else if (field === 3) modRevision = reader.uint64();
    else if (field === 5) value = reader.bytes();
    else reader.skip();
  }
  return { key, createRevision, modRevision, value };
}
