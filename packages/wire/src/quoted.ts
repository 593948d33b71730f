const maxLength = 64;

/** A text that a peer chose, for a message: escaped, and no longer than a log line should be. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > maxLength ? `${text.slice(0, maxLength)}…` : text);
}
