import { z } from 'zod';

import { ok, refuse } from './result.ts';
import type { Result } from './result.ts';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const part = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;

/** `500ms`, `90s`, `1h30m`, `1.5h`, `0` → milliseconds, as Go writes durations. Neither negative nor below 1 ms. */
export function parseDuration(text: string): Result<number> {
  if (text === '0') return ok(0);
  if (!whole.test(text)) return refuse(`"${text}" is not a duration: write 90s, 15m or 1h30m`);
  const parts = [...text.matchAll(part)];
  return ok(parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit as keyof typeof unitMs], 0));
}

/** The text of a duration, to milliseconds. */
export const duration: z.ZodType<number> = z.string().transform((text, context) => {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  context.addIssue(parsed.reason);
  return z.NEVER;
});

/** A setting of `defineConfig` that is a duration, in milliseconds; its default is written as people write it. */
export function durationSetting(fallback: string, description: string): z.ZodType<number> {
  return duration.prefault(fallback).describe(description);
}
