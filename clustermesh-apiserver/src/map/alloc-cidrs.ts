import { parseCidr } from '@clustermesh/wire';
import type { MeshNode } from '@clustermesh/wire';

import { nilIfEmpty } from './nil.ts';

type AllocCidrs = Pick<
  MeshNode,
  'ipv4AllocCidr' | 'ipv4SecondaryAllocCidrs' | 'ipv6AllocCidr' | 'ipv6SecondaryAllocCidrs'
>;

/** The first pod CIDR of a family is the primary one, the others are secondary; what is no CIDR is left out. */
export function allocCidrs(texts: readonly string[]): AllocCidrs {
  const cidrs = texts.flatMap((text) => parseCidr(text) ?? []);
  const [ipv4AllocCidr = null, ...ipv4Secondary] = cidrs.filter(({ mask }) => mask?.length === 4);
  const [ipv6AllocCidr = null, ...ipv6Secondary] = cidrs.filter(({ mask }) => mask?.length === 16);
  return {
    ipv4AllocCidr,
    ipv4SecondaryAllocCidrs: nilIfEmpty(ipv4Secondary),
    ipv6AllocCidr,
    ipv6SecondaryAllocCidrs: nilIfEmpty(ipv6Secondary),
  };
}
