import { stripVTControlCharacters } from 'node:util';

/** Names come from other clusters too: nothing in them may write to a terminal but letters. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    '?',
  );
}
