import { formatIp, isIpv4, parseIp, type IpBytes } from './address.ts';

/** An address and its mask, as Go's net.IPNet travels: the address need not be the first one of the network. */
export interface Cidr {
  /** Canonical text, '' when the writer gave none. */
  readonly ip: string;
  /** 4 or 16 bytes. */
  readonly mask: Uint8Array | null;
}

/** A network in the 128-bit space: IPv4 10.1.0.0/24 is ::ffff:10.1.0.0/120. */
export interface Prefix {
  readonly address: IpBytes;
  readonly bits: number;
}

/** `ones` leading bits of `size` bytes. */
export function ipMask(ones: number, size: 4 | 16): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => 0xff & ~(0xff >> Math.min(8, Math.max(0, ones - 8 * index))));
}

/** Number of leading ones; undefined for a mask with a hole. */
export function maskOnes(mask: Uint8Array): number | undefined {
  let ones = 0;
  while (ones < mask.length * 8 && bit(mask, ones)) ones++;
  for (let rest = ones; rest < mask.length * 8; rest++) if (bit(mask, rest)) return undefined;
  return ones;
}

/** The network of `10.1.0.5/24`, with the host bits cleared (10.1.0.0), as Go's net.ParseCIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const [ip = '', length = '', rest] = text.split('/');
  const address = parseIp(ip);
  const size = ip.includes(':') ? 16 : 4;
  if (address === undefined || rest !== undefined || !/^\d+$/.test(length)) return undefined;
  if (Number(length) > size * 8) return undefined;
  const mask = ipMask(Number(length), size);
  return { ip: formatIp(masked(address, mask)), mask };
}

/** The network that a CIDR stands for; undefined when address and mask make none. */
export function prefixOf({ ip, mask }: Cidr): Prefix | undefined {
  const address = parseIp(ip);
  const ones = mask === null ? undefined : maskOnes(mask);
  if (address === undefined || mask === null || ones === undefined) return undefined;
  if (mask.length !== 4 && mask.length !== 16) return undefined;
  const bits = 128 - mask.length * 8 + ones;
  if (isIpv4(address) ? bits < 96 : mask.length === 4) return undefined;
  return { address: masked(address, mask), bits };
}

/** Clears the host bits; a 4-byte mask covers the last 4 of the 16 bytes. */
function masked(address: IpBytes, mask: Uint8Array): IpBytes {
  const skip = 16 - mask.length;
  return address.map((byte, index) => (index < skip ? byte : byte & (mask[index - skip] ?? 0)));
}

function bit(bytes: Uint8Array, index: number): boolean {
  return (((bytes[index >> 3] ?? 0) << (index & 7)) & 0x80) !== 0;
}
