/** Addresses in maps are 16 bytes, IPv4 as ::ffff:a.b.c.d: one set of maps and one code path for both families. */
export const addressSize = 16;

/** Map keys as strings for JavaScript maps: latin1 is lossless, compact, and compares by value. */
export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Of 4 bytes or 16. */
export function v4Mapped(address: Uint8Array): Uint8Array {
  return address.length === addressSize ? address : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address);
}
