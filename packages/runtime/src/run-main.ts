import { describeError, isMeshError } from './errors.ts';
import type { Logger } from './log.ts';

/** Time for a stopping process to finish what it began, milliseconds. */
const stopDeadlineMs = 10_000;

/**
 * The frame of every program: SIGTERM and SIGINT abort the signal, a second one exits at once, a failure is one log
 * line and exit code 1 (2 for a wrong configuration). Unhandled rejections are failures too; warnings are logged.
 */
export async function runMain(log: Logger, main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(1);
    log.info({ signal: name }, 'stopping');
    stop.abort();
    setTimeout(() => process.exit(1), stopDeadlineMs).unref();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const fail = (error: unknown): never => {
    const code = isMeshError(error) ? error.code : 'INTERNAL';
    const stack = code === 'INTERNAL' ? (error as { stack?: string }).stack : undefined;
    log.error({ code, reason: describeError(error), stack }, 'stopped by a failure');
    process.exit(code === 'CONFIG_INVALID' ? 2 : 1);
  };
  logWarnings(log);
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  try {
    await main(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) fail(error);
  }
  process.exit(0);
}

/** Node's own listener would print them between the JSON lines. Deprecations concern developers only. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    const level = name === 'DeprecationWarning' ? 'debug' : 'warn';
    log[level]({ warning: name, reason: message }, 'warning of the runtime');
  });
}
