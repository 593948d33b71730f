/**
 * A set of (protocol, port) as the kernel's trie knows it: a prefix of 8 bits of protocol and 16 of port. Two regions
 * either contain one another or have nothing in common. ICMP types stand where ports do.
 */
export interface Region {
  /** 24 bits; those behind `length` are 0. */
  readonly bits: number;
  /** 0: everything; 8: a protocol; 24: one port of it. */
  readonly length: number;
}

const width = 24;
const protocolWidth = 8;
const portWidth = 16;

export const everything: Region = { bits: 0, length: 0 };

export function protocolRegion(protocol: number): Region {
  return { bits: protocol << portWidth, length: protocolWidth };
}

export function pointRegion(protocol: number, port: number): Region {
  return { bits: (protocol << portWidth) | port, length: width };
}

export function contains(outer: Region, inner: Region): boolean {
  return outer.length <= inner.length && (inner.bits ^ outer.bits) >>> (width - outer.length) === 0;
}

/** The region of a length that contains this one. */
export function enclosing({ bits }: Region, length: number): Region {
  return { bits: (bits >>> (width - length)) << (width - length), length };
}

/** The fewest regions that together are ports `from` to `to` of a protocol. */
export function regionsOfRange(protocol: number, from: number, to: number): readonly Region[] {
  const regions: Region[] = [];
  for (let port = from; port <= to;) {
    let size = port === 0 ? 1 << portWidth : port & -port;
    while (port + size - 1 > to) size >>>= 1;
    regions.push({ bits: (protocol << portWidth) | port, length: width - Math.log2(size) });
    port += size;
  }
  return regions;
}

/** Equal regions have equal keys, and shorter ones come first in order. */
export function regionKey({ bits, length }: Region): number {
  return length * 2 ** width + bits;
}
