import { formatIp, isIpv4 } from '@clustermesh/wire';

import { hostPrefix } from '../tables/prefix-index.ts';

/** As users write it; a single address without a length. `bits` counts those of the 16-byte form. */
export function prefixText(address: Uint8Array, bits: number): string {
  const text = formatIp(address);
  return bits === hostPrefix ? text : `${text}/${isIpv4(address) ? bits - 96 : bits}`;
}
