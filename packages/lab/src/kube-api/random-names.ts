import type { Random } from '@clustermesh/runtime';

/** Without vowels and digits that look like letters, as Kubernetes avoids bad words. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** What generateName appends. */
export function randomSuffix(random: Random): string {
  return Array.from({ length: 5 }, () => suffixAlphabet[Math.floor(random.next() * suffixAlphabet.length)]).join('');
}

/** RFC 9562 version 4. */
export function randomUuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random.next() * 16).toString(16));
  hex[12] = '4';
  hex[16] = '89ab'[Math.floor(random.next() * 4)] ?? '8';
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .map((part) => part.join(''))
    .join('-');
}
