import { ScopedAbort } from './abort.ts';
import type { Clock } from './clock.ts';
import { MeshError } from './errors.ts';

/** Runs `task` with a signal that aborts after `ms` too; then throws TIMEOUT saying what took too long. */
export async function withDeadline<T>(
  options: { readonly ms: number; readonly what: string; readonly clock: Pick<Clock, 'sleep'> },
  task: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  using ending = new ScopedAbort(signal);
  const late = async (): Promise<never> => {
    await options.clock.sleep(options.ms, ending.signal);
    throw new MeshError('TIMEOUT', `${options.what}: not done within ${options.ms / 1000} s`, { retryable: true });
  };
  return await Promise.race([task(ending.signal), late()]);
}
