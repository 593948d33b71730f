import type { Logger } from 'pino';

import type { Backoff } from './backoff.ts';
import { ScopedAbort, isAborted } from './abort.ts';
import type { Clock } from './clock.ts';
import { describeError, isMeshError } from './errors.ts';
import type { Health } from './health.ts';

export interface JobDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly health: Health;
  readonly log: Logger;
}

export interface RetryOptions extends JobDeps {
  /** The job's name in health and logs, for example `mirror/east/services`. */
  readonly name: string;
  readonly backoff: Backoff;
}

/**
 * Runs `task` until it returns or `signal` aborts; after a failure it runs again, later and later. The task tells
 * by `progressed()` that it got somewhere, which makes the next failure wait little again.
 * A MeshError that is not retryable still retries (the cause may be put right from outside), at the cap's pace.
 */
export async function retryLoop(
  task: (signal: AbortSignal, progressed: () => void) => Promise<void>,
  options: RetryOptions,
  signal: AbortSignal,
): Promise<void> {
  const scope = options.health.scope(options.name);
  let told: string | undefined;
  const progressed = (): void => {
    options.backoff.reset();
    scope.ok();
    told = undefined;
  };
  while (!signal.aborted) {
    try {
      await task(signal, progressed);
      return;
    } catch (error) {
      if (isAborted(signal)) return;
      const reason = describeError(error);
      scope.degraded(reason);
      const waitMs = options.backoff.next();
      const code = isMeshError(error) ? error.code : undefined;
      // A dozen jobs may share one cause, for hours: each says it once. Health has it all the time.
      const level = reason === told ? 'debug' : 'warn';
      told = reason;
      options.log[level]({ job: options.name, code, reason, waitMs }, 'job failed, will retry');
      await options.clock.sleep(waitMs, signal);
    }
  }
}

/** Runs `task` now and then every `periodMs`, until abort. A failure degrades health and is tried again next time. */
export async function every(
  periodMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  options: JobDeps & { readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const scope = options.health.scope(options.name);
  while (!signal.aborted) {
    try {
      await task(signal);
      scope.ok();
    } catch (error) {
      if (isAborted(signal)) return;
      scope.degraded(describeError(error));
      options.log.warn({ job: options.name, reason: describeError(error) }, 'periodic job failed');
    }
    await options.clock.sleep(periodMs, signal);
  }
}

/**
 * Runs jobs side by side until all end. The first failure aborts the others and is thrown once they have ended:
 * a component never goes on half alive.
 */
export async function runAll(
  jobs: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  using both = new ScopedAbort(signal);
  const failures: unknown[] = [];
  await Promise.all(
    jobs.map(async (job) => {
      try {
        await job(both.signal);
      } catch (error) {
        failures.push(error);
        both.abort();
      }
    }),
  );
  if (failures.length > 0 && !signal.aborted) throw failures[0];
}
