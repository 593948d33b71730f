import { formatIp, isIpv4 } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

/** IPv4 lies in ::ffff:0:0/96. */
const ipv4Bits = 96;

/** IPv4 does not lie in ::/0: policies speak of one family at a time. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  if (outer.bits > inner.bits || isIpv4(outer.address) !== isIpv4(inner.address)) return false;
  for (let bit = 0; bit < outer.bits; bit += 8) {
    const mask = (0xff << Math.max(0, bit + 8 - outer.bits)) & 0xff;
    const at = bit / 8;
    if (((outer.address[at] ?? 0) ^ (inner.address[at] ?? 0)) & mask) return false;
  }
  return true;
}

/** `10.0.0.0/8`, `fd00::/64`: equal prefixes have equal texts. */
export function prefixText({ address, bits }: Prefix): string {
  return `${formatIp(address)}/${isIpv4(address) ? bits - ipv4Bits : bits}`;
}
