import { isAscii, isUtf8 } from 'node:buffer';

const replacement = Buffer.from('\ufffd');

/** Bytes to text as Go reads JSON: every invalid byte becomes one U+FFFD; a byte order mark stays. */
export function goText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return buffer.toString('latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : repaired(buffer).toString('utf8');
}

/** In one pass: a peer may send a megabyte of rubbish. */
function repaired(buffer: Buffer): Buffer {
  const target = Buffer.allocUnsafe(buffer.length * replacement.length);
  let size = 0;
  for (let at = 0; at < buffer.length;) {
    const length = validSequence(buffer, at);
    if (length === 0) size += replacement.copy(target, size);
    for (let rest = length; rest > 0; rest--) target[size++] = buffer[at++] ?? 0;
    if (length === 0) at++;
  }
  return target.subarray(0, size);
}

/** Length of the valid UTF-8 sequence at `at`, 0 when there is none. */
function validSequence(buffer: Buffer, at: number): number {
  const lead = buffer[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || !isSecond(lead, buffer[at + 1] ?? 0)) return 0;
  for (let next = at + 2; next < at + length; next++) if (((buffer[next] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/** After these leads some continuations would be overlong, a surrogate, or above U+10FFFF. */
function isSecond(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return byte >= 0x80 && byte <= 0xbf;
}

/** Order of two texts by their UTF-8 bytes, as Go sorts map keys; UTF-16 order differs above U+FFFF. */
export function compareUtf8(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const difference = utf8Rank(left.charCodeAt(at)) - utf8Rank(right.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Moves surrogates (code points above U+FFFF) behind the rest of the basic plane. */
function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit <= 0xdfff ? unit + 0x2000 : unit - 0x800;
}
