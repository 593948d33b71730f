import { TestProcess } from '@clustermesh/testkit';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

/** One of our programs, as it is started everywhere else. Ended with the stack. */
export function startProgram(
  stack: AsyncDisposableStack,
  main: string,
  flags: Readonly<Record<string, string | number>>,
): TestProcess {
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const program = new TestProcess(process.execPath, [
    '--conditions=mesh-source',
    fileURLToPath(new URL(main, root)),
    ...args,
  ]);
  stack.defer(() => program.end('SIGTERM'));
  return program;
}

/** Until `/readyz` says yes. */
export async function untilReady(program: TestProcess, healthPort: number, signal: AbortSignal): Promise<void> {
  let last = 'nobody listens';
  await until(`ready on port ${healthPort}`, signal, async () => {
    if (program.exited) throw new Error('it ended');
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined);
    last = (await response?.text()) ?? last;
    return response?.ok === true ? undefined : last;
  });
}

/** Asks until there is nothing left to wait for; fails with what is. */
export async function until(
  what: string,
  signal: AbortSignal,
  missing: () => Promise<string | undefined>,
  { pollMs = 50, deadlineMs = 30_000 } = {},
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    const reason = await missing();
    if (reason === undefined) return;
    if (performance.now() > deadline) throw new Error(`not ${what} in ${deadlineMs / 1_000} s: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
