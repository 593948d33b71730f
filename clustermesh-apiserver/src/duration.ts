import { z } from 'zod';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A duration as Go's flags take it (`15m`, `1h30m`, `0s`); milliseconds. The default is part of the help text. */
export function duration(fallback: string, description: string): z.ZodType<number> {
  return z
    .string()
    .regex(/^(?:\d+(?:ms|s|m|h))+$/, 'is not a duration such as 1m30s')
    .default(fallback)
    .transform(milliseconds)
    .describe(`${description} (default ${fallback})`);
}

function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit as keyof typeof unitMs], 0);
}
