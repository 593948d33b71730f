import { closeSync, openSync } from 'node:fs';
import { kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { offHeap } from './off-heap.ts';

const CLONE_NEWNET = 0x4000_0000;
const ownPath = '/proc/thread-self/ns/net';

/**
 * Does `action` in another network namespace (a path such as /proc/PID/ns/net). Nothing else can run in between, and
 * other threads stay where they are: only what `action` does before it returns is done there.
 */
export function inNetworkNamespace<T>(path: string, action: () => T, abi: KernelAbi = kernelAbi()): T {
  const own = openSync(ownPath, 'r');
  try {
    const other = openSync(path, 'r');
    try {
      enter(abi, other, path);
      try {
        return action();
      } finally {
        enter(abi, own, ownPath);
      }
    } finally {
      closeSync(other);
    }
  } finally {
    closeSync(own);
  }
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/** As programs see it (bpf_get_netns_cookie): which network namespace this process is in. Never used twice in a boot. */
export function networkNamespaceCookie(abi: KernelAbi = kernelAbi()): bigint {
  const socket = abi.socket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0) throw kernelError(socket, 'open a socket');
  try {
    const cookie = offHeap(8);
    const result = abi.getSocketOption(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie);
    if (result < 0) throw kernelError(result, 'read the cookie of our network namespace');
    return new DataView(cookie.buffer, cookie.byteOffset).getBigUint64(0, true);
  } finally {
    closeSync(socket);
  }
}

function enter(abi: KernelAbi, fd: number, path: string): void {
  const result = abi.setNamespace(fd, CLONE_NEWNET);
  // Going on in another pod's network would do harm under any name.
  if (result < 0 && path === ownPath) process.abort();
  if (result < 0) throw kernelError(result, `enter the network namespace ${path}`);
}
