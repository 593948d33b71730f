import { z } from 'zod';

import { ok, refuse } from './result.ts';
import type { Result } from './result.ts';

const unitBytes = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 } as const;

/** `512`, `64Ki`, `256Mi`, `1.5Gi` → bytes, as Kubernetes writes quantities of memory. Whole and above 0. */
export function parseByteSize(text: string): Result<number> {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|)$/.exec(text);
  const bytes = match === null ? NaN : Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes];
  if (!Number.isInteger(bytes) || bytes <= 0) return refuse(`"${text}" is not a size: write 512, 64Ki, 256Mi or 1.5Gi`);
  return ok(bytes);
}

/** As `parseByteSize` reads it, in the largest unit that fits evenly. */
export function formatByteSize(bytes: number): string {
  const unit = (['Gi', 'Mi', 'Ki'] as const).find((name) => bytes >= unitBytes[name] && bytes % unitBytes[name] === 0);
  return unit === undefined ? String(bytes) : `${bytes / unitBytes[unit]}${unit}`;
}

/** A setting of `defineConfig` that is a size, in bytes; its default is written as people write it. */
export function byteSizeSetting(fallback: string, description: string): z.ZodType<number> {
  const size: z.ZodType<number> = z.union([z.string(), z.number()]).transform((value, context) => {
    const parsed = parseByteSize(String(value));
    if (parsed.ok) return parsed.value;
    context.addIssue(parsed.reason);
    return z.NEVER;
  });
  return size.prefault(fallback).describe(description);
}
