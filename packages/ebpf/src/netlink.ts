import { closeSync, readSync, writeSync } from 'node:fs';
import { kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_GETTFILTER = 46;

/** struct nlmsghdr: length@0, type@4, flags@6, sequence@8, port@12. */
const headerSize = 16;
/** struct tcmsg: family@0, ifindex@4, handle@8, parent@12, info@16 (priority in the high 16 bits). */
const tcSize = 20;
/** The kernel fills a message of a dump no further. */
const receiveBytes = 64 << 10;

export interface TcFilter {
  readonly priority: number;
  readonly handle: number;
}

/** A device's filters below `parent`, in the order in which they see packets; none where that parent is missing. */
export function listFilters(ifindex: number, parent: number, abi: KernelAbi = kernelAbi()): readonly TcFilter[] {
  const request = new DataView(new ArrayBuffer(headerSize + tcSize));
  request.setUint32(0, request.byteLength, true);
  request.setUint16(4, RTM_GETTFILTER, true);
  request.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  request.setUint32(headerSize + 4, ifindex, true);
  request.setUint32(headerSize + 12, parent, true);
  const filters = ask(new Uint8Array(request.buffer), abi, `list the filters of device ${ifindex}`).map((message) => ({
    priority: message.getUint32(16, true) >>> 16,
    handle: message.getUint32(8, true),
  }));
  // Each priority is told by itself too, without a handle.
  return filters.filter(({ handle }) => handle !== 0);
}

/** What a dump answers, without the headers. */
function ask(request: Uint8Array, abi: KernelAbi, attempted: string): readonly DataView[] {
  const socket = abi.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (socket < 0) throw kernelError(socket, 'open a netlink socket');
  try {
    writeSync(socket, request);
    const answers: DataView[] = [];
    while (!take(socket, answers, attempted)) {
      // A dump comes in as many messages as it needs.
    }
    return answers;
  } finally {
    closeSync(socket);
  }
}

/** True when that was the last. */
function take(socket: number, answers: DataView[], attempted: string): boolean {
  const buffer = Buffer.alloc(receiveBytes);
  const view = new DataView(buffer.buffer, buffer.byteOffset, readSync(socket, buffer));
  for (let at = 0; at + headerSize <= view.byteLength;) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    const body = new DataView(view.buffer, view.byteOffset + at + headerSize, length - headerSize);
    if (type === NLMSG_ERROR) throw kernelError(body.getInt32(0, true), attempted);
    if (type === NLMSG_DONE) return true;
    answers.push(body);
    at += (length + 3) & ~3;
  }
  return false;
}
