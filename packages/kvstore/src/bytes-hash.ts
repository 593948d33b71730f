/** A 64-bit hash in two lanes of 32: JavaScript computes those without allocating. */
export interface Lanes {
  high: number;
  low: number;
}

// Taken once: where a program's globals are intercepted (tests), each look at `Math` costs more than the multiplication.
const { imul } = Math;
const multipliers = [0x9e3779b1, 0x85ebca77] as const;

/**
 * Hashes `bytes` into `out` (returned), four bytes a step. It tells a changed value from an unchanged one; it does
 * not withstand somebody who makes collisions, who could only hide changes of his own entries.
 */
export function hashBytes(bytes: Uint8Array, out: Lanes): Lanes {
  let high = 0xdeadbeef ^ bytes.length;
  let low = 0x41c6ce57 ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const word =
      byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    high = imul(high ^ word, multipliers[0]);
    high ^= high >>> 15;
    low = imul(low ^ word, multipliers[1]);
    low ^= low >>> 13;
  }
  for (let at = whole; at < bytes.length; at++) {
    high = imul(high ^ byte(bytes, at), multipliers[0]);
    low = imul(low ^ byte(bytes, at), multipliers[1]);
  }
  out.high = avalanche(high ^ (low >>> 7));
  out.low = avalanche(low ^ (high >>> 11));
  return out;
}

/** For places where a text is wanted: 16 hex digits. */
export function hashText(bytes: Uint8Array): string {
  const { high, low } = hashBytes(bytes, { high: 0, low: 0 });
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** Reading inside the bounds always gives a number; the type checker cannot know. */
function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function avalanche(lane: number): number {
  let mixed = lane;
  mixed = imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
