import { z } from 'zod';

export interface ServeAddress {
  /** '': all addresses. */
  readonly host: string;
  readonly port: number;
}

/** `[HOST]:PORT` as Go's servers take it: `:9962`, `localhost:9889`, `[::1]:9962`; undefined for ''. */
function serveAddress(text: string, context: z.RefinementCtx): ServeAddress | undefined {
  if (text === '') return undefined;
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port !== '' && Number(port) <= 65_535) return { host: bracketed ?? plain, port: Number(port) };
  context.addIssue({ code: 'custom', message: `must be [HOST]:PORT, not ${JSON.stringify(text)}` });
  return z.NEVER;
}

/** A setting of `defineConfig` that is such an address. */
export function serveAddressSetting(
  fallback: string,
  description: string,
): z.ZodPipe<z.ZodDefault<z.ZodString>, z.ZodTransform<ServeAddress | undefined, string>> {
  return z.string().default(fallback).transform(serveAddress).describe(description);
}
