const pattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** UTC, second precision: the text of heartbeats, canaries and timestamps. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since the epoch, whole seconds; undefined for a text that Go's time.RFC3339 refuses. */
export function parseRfc3339(text: string): number | undefined {
  const [, wall = '', zone = ''] = pattern.exec(text) ?? [];
  const ms = Date.parse(`${wall}Z`);
  if (Number.isNaN(ms) || rfc3339(ms) !== `${wall}Z`) return undefined; // JavaScript rolls 30 February over
  if (zone === 'Z') return ms;
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  if (hours > 24 || minutes > 60) return undefined; // Go's own bounds
  const offsetMs = (hours * 60 + minutes) * 60_000;
  return zone.startsWith('-') ? ms + offsetMs : ms - offsetMs;
}
