/** Of this process: who sends keys cannot know which of them meet. */
const [seed0, seed1] = crypto.getRandomValues(new Uint32Array(2)) as unknown as readonly [number, number];
const finalRounds = 3;

/**
 * HalfSipHash-1-3 (https://github.com/veorq/SipHash) of `text` from `from` on, and of `salt`: 32 bits. Keyed, because
 * keys come from clusters that are not trusted: a thousand that meet in one place would make each look-up slow (I1).
 */
export function keyedHash(text: string, from: number, salt: number): number {
  const words = ((text.length - from) >> 2) + 1;
  let v0 = seed0 ^ salt;
  let v1 = seed1;
  let v2 = seed0 ^ 0x6c796765;
  let v3 = seed1 ^ 0x74656462;
  for (let word = 0; word < words + finalRounds; word++) {
    const message = word < words ? wordAt(text, from, from + (word << 2)) : 0;
    if (word === words) v2 ^= 0xff;
    v3 ^= message;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= message;
  }
  return (v1 ^ v3) >>> 0;
}

/** Four bytes; of the last word the rest, and how long all is. */
function wordAt(text: string, from: number, at: number): number {
  if (at + 4 <= text.length) {
    return (
      (text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      (text.charCodeAt(at + 3) << 24)
    );
  }
  let last = (text.length - from) << 24;
  for (let byte = 0; at + byte < text.length; byte++) last |= (text.charCodeAt(at + byte) & 0xff) << (byte * 8);
  return last;
}
