import { MeshError } from '@clustermesh/runtime';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `90s`, `15m`, `1h30m` → milliseconds, as Go writes durations. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new MeshError('CONFIG_INVALID', `"${text}" is not a duration: write 90s, 15m or 1h30m`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit as keyof typeof unitMs], 0);
}
