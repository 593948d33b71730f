const longest = 120;

/** A key that anybody may have chosen, for logs and terminals: UTF-8 where it is, no control characters, not endless. */
export function printableKey(key: string): string {
  const text = Buffer.from(key.slice(0, 4 * longest), 'latin1').toString('utf8');
  const shown = text.replace(/[\p{C}\p{Z}]/gu, '\ufffd');
  return shown.length <= longest ? shown : `${shown.slice(0, longest)}…`;
}
