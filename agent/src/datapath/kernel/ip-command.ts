import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

const run = promisify(execFile);
const timeoutMs = 10_000;
const maxOutputBytes = 64 << 20;

/** Runs `ip` (iproute2) in our network namespace. /sys/class/net may be another namespace's; netlink never is. */
export async function ip(args: readonly string[], signal?: AbortSignal): Promise<string> {
  try {
    const options = { timeout: timeoutMs, maxBuffer: maxOutputBytes, ...(signal === undefined ? {} : { signal }) };
    const { stdout } = await run('ip', args, options);
    return stdout;
  } catch (cause) {
    throw new MeshError('COMMAND_FAILED', `run ip ${args.join(' ')}`, { cause, retryable: true });
  }
}

/** `ip -j`, with its answer checked. Nothing at all is an empty list. */
export async function ipJson<T>(
  schema: z.ZodType<T>,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<readonly T[]> {
  const text = await ip(['-j', ...args], signal);
  return text.trim() === '' ? [] : z.array(schema).parse(JSON.parse(text));
}
