const pattern = /^(\d{4}-\d{2}-\d{2}T)(\d{1,2}:\d{2}:\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** UTC, second precision: the text of heartbeats, canaries and timestamps. Years of more digits are as Go writes them. */
export function rfc3339(ms: number): string {
  const text = new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  return text.replace(/^(?:\+0*|(-)00)/, '$1');
}

/** Milliseconds since the epoch, whole seconds; undefined for a text that Go's time.RFC3339 refuses. */
export function parseRfc3339(text: string): number | undefined {
  const [, date = '', time = '', zone = ''] = pattern.exec(text) ?? [];
  const wall = `${date}${time.padStart(8, '0')}`; // Go takes an hour of one digit
  const ms = Date.parse(`${wall}Z`);
  if (Number.isNaN(ms) || rfc3339(ms) !== `${wall}Z`) return undefined; // JavaScript rolls 30 February over
  const offset = offsetMs(zone);
  return offset === undefined ? undefined : ms - offset;
}

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  if (hours > 24 || minutes > 60) return undefined; // Go's own bounds
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
