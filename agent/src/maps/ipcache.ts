import { addressSize } from './address.ts';

/** ipc_host and ipc_cidr: address → identity and node. Layout: datapath.md §3.2, shared with bpf/lib/ipcache.h. */
export const hostKeyLayout = { size: 24, address: 0, cluster: 16, family: 18 } as const;
export const cidrKeyLayout = { size: 24, prefixLength: 0, cluster: 4, family: 6, address: 8 } as const;
export const ipcacheValueLayout = { size: 8, identity: 0, nodeAndFlags: 4 } as const;

/** Node indexes have 24 bits: a mesh of 60,000 nodes keeps headroom. */
export const maxNodeIndex = 0xff_ffff;

export const addressFamily = { ipv4: 1, ipv6: 2 } as const;

/** Bits before the address in the trie's key: cluster, family and the pad byte always match. */
const cidrFixedBits = 32;

export interface IpcacheRecord {
  readonly identity: number;
  /** Index into the node map; 0 = reached without a tunnel. */
  readonly nodeIndex: number;
  /** 8 bits. */
  readonly flags: number;
}

/** `cluster` in the keys stays 0: it is reserved for meshes with overlapping pod CIDRs. */
export function encodeHostKey(address: Uint8Array, target: Uint8Array, offset = 0): void {
  target.set(address, offset + hostKeyLayout.address);
  finishHostKey(target, offset);
}

/** All of the key but its address, which is there. */
export function finishHostKey(target: Uint8Array, offset: number): void {
  const address = offset + hostKeyLayout.address;
  target.fill(0, address + addressSize, offset + hostKeyLayout.size);
  target[offset + hostKeyLayout.family] = familyOf(target, address);
}

/** `prefixLength` counts bits of the 16-byte form: an IPv4 /24 is 120. */
export function encodeCidrKey(address: Uint8Array, prefixLength: number): Uint8Array {
  const key = new Uint8Array(cidrKeyLayout.size);
  new DataView(key.buffer).setUint32(cidrKeyLayout.prefixLength, cidrFixedBits + prefixLength, true);
  key[cidrKeyLayout.family] = familyOf(address);
  key.set(address, cidrKeyLayout.address);
  return key;
}

export function decodeHostKey(key: Uint8Array): Uint8Array {
  return key.slice(hostKeyLayout.address, hostKeyLayout.address + addressSize);
}

export function decodeCidrKey(key: Uint8Array): { readonly address: Uint8Array; readonly prefixLength: number } {
  const bits = new DataView(key.buffer, key.byteOffset).getUint32(cidrKeyLayout.prefixLength, true);
  const address = key.slice(cidrKeyLayout.address, cidrKeyLayout.address + addressSize);
  return { address, prefixLength: bits - cidrFixedBits };
}

export function encodeIpcacheValue(
  { identity, nodeIndex, flags }: IpcacheRecord,
  target: Uint8Array,
  offset = 0,
): void {
  writeUint32(target, offset + ipcacheValueLayout.identity, identity);
  writeUint32(target, offset + ipcacheValueLayout.nodeAndFlags, nodeAndFlags(nodeIndex, flags));
}

export function decodeIpcacheValue(value: Uint8Array): IpcacheRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const word = view.getUint32(ipcacheValueLayout.nodeAndFlags, true);
  return {
    identity: view.getUint32(ipcacheValueLayout.identity, true),
    nodeIndex: word & maxNodeIndex,
    flags: word >>> 24,
  };
}

/** The value's second word: node index in the lower 24 bits, flags in the upper 8. */
export function nodeAndFlags(nodeIndex: number, flags: number): number {
  return ((flags << 24) | nodeIndex) >>> 0;
}

/** Of the address that begins at `offset`. */
export function familyOf(bytes: Uint8Array, offset = 0): number {
  for (let at = offset; at < offset + 10; at++) if (bytes[at] !== 0) return addressFamily.ipv6;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff ? addressFamily.ipv4 : addressFamily.ipv6;
}

/** Little-endian, and without a view: of three million values each would be garbage. */
function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value & 0xff;
  target[offset + 1] = (value >>> 8) & 0xff;
  target[offset + 2] = (value >>> 16) & 0xff;
  target[offset + 3] = value >>> 24;
}
