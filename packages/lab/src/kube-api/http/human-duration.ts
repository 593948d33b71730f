const second = 1;
const minute = 60;
const hour = 3600;
const day = 24 * hour;
const year = 365 * day;

/** From this many seconds on: the unit that is told, and the finer one told beside it (0: none). */
const steps: readonly (readonly [fromSeconds: number, unit: number, finerUnit: number])[] = [
  [8 * year, year, 0],
  [2 * year, year, day],
  [8 * day, day, 0],
  [2 * day, day, hour],
  [8 * hour, hour, 0],
  [3 * hour, hour, minute],
  [10 * minute, minute, 0],
  [2 * minute, minute, second],
  [0, second, 0],
];
const letters = new Map([
  [second, 's'],
  [minute, 'm'],
  [hour, 'h'],
  [day, 'd'],
  [year, 'y'],
]);

/** An age as kubectl shows it: `90s`, `5m30s`, `3h5m`, `47h`, `5d2h`, `300d`, `3y1d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const [, unit, finerUnit] = steps.find(([from]) => seconds >= from) ?? [0, second, 0];
  const whole = Math.floor(seconds / unit);
  const rest = finerUnit === 0 ? 0 : Math.floor((seconds % unit) / finerUnit);
  const tell = (count: number, of: number): string => `${count}${letters.get(of) ?? ''}`;
  return rest === 0 ? tell(whole, unit) : tell(whole, unit) + tell(rest, finerUnit);
}
