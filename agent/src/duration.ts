import { z } from 'zod';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A duration as Go's flags take it (`1m30s`, `0s`); milliseconds. */
export function duration(fallback: string, description: string): z.ZodType<number> {
  return z
    .string()
    .regex(/^(?:0|(?:\d+(?:ms|s|m|h))+)$/, 'is not a duration such as 1m30s')
    .default(fallback)
    .transform(milliseconds)
    .describe(`${description} (default ${fallback})`);
}

function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit as keyof typeof unitMs], 0);
}
