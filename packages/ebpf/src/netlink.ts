import { closeSync, readSync, writeSync } from 'node:fs';
import { kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_REQUEST = 1;
const NLM_F_MULTI = 2;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

/** struct nlmsghdr: length@0, type@4, flags@6, sequence@8, port@12. */
const headerSize = 16;
const attributeHeaderSize = 4;
/** The kernel fills a message no further. */
const receiveBytes = 64 << 10;

export interface NetlinkRequest {
  /** RTM_GET… */
  readonly type: number;
  /** All there are, or what `body` names. */
  readonly dump: boolean;
  /** The fixed part of the message. */
  readonly body: Uint8Array;
  /** Attributes that are numbers of 32 bits. */
  readonly attributes?: Readonly<Record<number, number>>;
}

/**
 * Asks the kernel about the caller's network namespace (rtnetlink). Answers are without their headers; a negative errno
 * where it refuses.
 */
export function askNetlink(request: NetlinkRequest, abi: KernelAbi = kernelAbi()): readonly DataView[] | number {
  const socket = abi.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (socket < 0) throw kernelError(socket, 'open a netlink socket');
  try {
    // Without it a dump ignores the attributes and tells of everything.
    const strict = abi.setSocketOption(socket, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    if (strict < 0) return strict;
    writeSync(socket, encode(request));
    const answers: DataView[] = [];
    for (;;) {
      const end = receive(socket, answers);
      if (end !== undefined) return end < 0 ? end : answers;
    }
  } finally {
    closeSync(socket);
  }
}

/** The values of a message's attributes, by their type; the fixed part before them has `fixedSize` bytes. */
export function attributesOf(message: DataView, fixedSize: number): ReadonlyMap<number, Uint8Array> {
  const values = new Map<number, Uint8Array>();
  for (let at = fixedSize; at + attributeHeaderSize <= message.byteLength;) {
    const length = message.getUint16(at, true);
    if (length < attributeHeaderSize) break;
    const start = message.byteOffset + at + attributeHeaderSize;
    values.set(message.getUint16(at + 2, true), new Uint8Array(message.buffer, start, length - attributeHeaderSize));
    at += aligned(length);
  }
  return values;
}

function encode({ type, dump, body, attributes = {} }: NetlinkRequest): Uint8Array {
  const numbers = Object.entries(attributes);
  const bytes = new Uint8Array(headerSize + body.length + numbers.length * 2 * attributeHeaderSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0), true);
  bytes.set(body, headerSize);
  numbers.forEach(([name, value], index) => {
    const at = headerSize + body.length + index * 2 * attributeHeaderSize;
    view.setUint16(at, 2 * attributeHeaderSize, true);
    view.setUint16(at + 2, Number(name), true);
    view.setUint32(at + attributeHeaderSize, value, true);
  });
  return bytes;
}

/** Undefined while more is to come; else 0 or a negative errno. */
function receive(socket: number, answers: DataView[]): number | undefined {
  const buffer = Buffer.alloc(receiveBytes);
  const view = new DataView(buffer.buffer, buffer.byteOffset, readSync(socket, buffer));
  let isLast = false;
  for (let at = 0; at + headerSize <= view.byteLength;) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    const body = new DataView(view.buffer, view.byteOffset + at + headerSize, length - headerSize);
    if (type === NLMSG_ERROR || type === NLMSG_DONE)
      return body.byteLength < 4 ? 0 : Math.min(0, body.getInt32(0, true));
    answers.push(body);
    isLast = (view.getUint16(at + 6, true) & NLM_F_MULTI) === 0;
    at += aligned(length);
  }
  return isLast ? 0 : undefined;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
