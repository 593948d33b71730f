import { z } from 'zod';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const pattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;

/** A duration as Go's flags take it (`1m30s`, `0s`); milliseconds. The default is part of the help text. */
export function duration(fallback: string, description: string): z.ZodType<number> {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined) return ms;
      context.addIssue(`"${text}" is not a duration such as 1m30s`);
      return z.NEVER;
    })
    .describe(`${description} (default ${fallback})`);
}

function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!pattern.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit as keyof typeof unitMs], 0);
}
