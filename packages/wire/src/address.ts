/**
 * IP addresses as the mesh holds them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Text is what Go's net.IP
 * prints. Millions of addresses pass here, hence scanning by hand.
 */
export type IpBytes = Uint8Array;

const dot = 0x2e;
const colon = 0x3a;

/** The address, or undefined: no leading zeros, zone, prefix length or white space (as Go's net.ParseIP). */
export function parseIp(text: string): IpBytes | undefined {
  const bytes = new Uint8Array(16);
  if (text.includes(':')) return parseIpv6(text, bytes) ? bytes : undefined;
  bytes[10] = bytes[11] = 0xff;
  return parseIpv4(text, 0, bytes, 12) ? bytes : undefined;
}

export function isIpv4(bytes: IpBytes): boolean {
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** Go's text: IPv4 dotted, also when mapped; IPv6 lower case with the longest run of zeros (the first on a tie) as ::. */
export function formatIp(bytes: IpBytes): string {
  if (isIpv4(bytes)) return bytes.subarray(12, 16).join('.');
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** Go's text of any text that Go accepts. */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined) return undefined;
  return text.includes(':') ? formatIp(bytes) : text; // a dotted quad without leading zeros has one spelling
}

function parseIpv4(text: string, from: number, bytes: Uint8Array, into: number): boolean {
  let octet = -1;
  let filled = 0;
  for (let at = from; at <= text.length; at++) {
    const unit = at === text.length ? dot : text.charCodeAt(at);
    if (unit === dot) {
      if (octet < 0 || filled === 4) return false;
      bytes[into + filled++] = octet;
      octet = -1;
    } else {
      const digit = unit - 0x30;
      if (digit < 0 || digit > 9 || octet === 0) return false;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return false;
    }
  }
  return filled === 4;
}

function parseIpv6(text: string, bytes: Uint8Array): boolean {
  const gap = text.indexOf('::');
  if (gap < 0) return parseGroups(text, [0, text.length], bytes, 0) === 16;
  const head = gap === 0 ? 0 : parseGroups(text, [0, gap], bytes, 0);
  if (head < 0) return false;
  const tail = gap + 2 === text.length ? head : parseGroups(text, [gap + 2, text.length], bytes, head);
  if (tail < 0 || tail === 16) return false; // the :: stands for at least one group
  bytes.copyWithin(16 - (tail - head), head, tail);
  bytes.fill(0, head, 16 - (tail - head));
  return true;
}

/** The groups of a span of `text` into `bytes` at `into`; the index behind the last byte, or -1. */
function parseGroups(text: string, [from, end]: readonly [number, number], bytes: Uint8Array, into: number): number {
  let filled = into;
  for (let at = from; ; at++) {
    const stop = endOfGroup(text, at);
    if (text.charCodeAt(stop) === dot) return filled <= 12 && parseIpv4(text, at, bytes, filled) ? filled + 4 : -1;
    if (stop === at || stop > at + 4 || filled === 16) return -1;
    const group = parseInt(text.slice(at, stop), 16);
    bytes[filled++] = group >> 8;
    bytes[filled++] = group & 0xff;
    if (stop === end) return filled;
    if (text.charCodeAt(stop) !== colon) return -1;
    at = stop;
  }
}

function endOfGroup(text: string, from: number): number {
  let at = from;
  while (isHexDigit(text.charCodeAt(at))) at++;
  return at;
}

function isHexDigit(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x46) || (unit >= 0x61 && unit <= 0x66);
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index + 1 - length, length };
  });
  return best;
}
