import { ENODEV, kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { askNetlink } from './netlink.ts';

const RTM_GETTFILTER = 46;
/** struct tcmsg: family@0, ifindex@4, handle@8, parent@12, info@16 (priority in the high 16 bits). */
const tcSize = 20;

export interface TcFilter {
  readonly priority: number;
  readonly handle: number;
}

/** A device's filters below `parent`, in the order in which they see packets; none where that parent is missing. */
export function listFilters(ifindex: number, parent: number, abi: KernelAbi = kernelAbi()): readonly TcFilter[] {
  const body = new DataView(new ArrayBuffer(tcSize));
  body.setUint32(4, ifindex, true);
  body.setUint32(12, parent, true);
  const answer = askNetlink({ type: RTM_GETTFILTER, dump: true, body: new Uint8Array(body.buffer) }, abi);
  if (answer === -ENODEV) return [];
  if (typeof answer === 'number') throw kernelError(answer, `list the filters of device ${ifindex}`);
  const filters = answer.map((message) => ({
    priority: message.getUint32(16, true) >>> 16,
    handle: message.getUint32(8, true),
  }));
  // Each priority is told by itself too, without a handle.
  return filters.filter(({ handle }) => handle !== 0);
}
