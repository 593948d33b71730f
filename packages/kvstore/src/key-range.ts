/** The end of the range that holds every key beginning with `prefix` (latin1): its last byte below 0xff plus one. */
export function prefixEnd(prefix: string): string {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix.charCodeAt(at);
    if (byte < 0xff) return prefix.slice(0, at) + String.fromCharCode(byte + 1);
  }
  // No such byte: to the end of all keys, as etcd writes it.
  return '\0';
}
