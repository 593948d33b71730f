import { describeError, hasCode, isAborted } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

const pollMs = 50;

/**
 * Does something with a Kubernetes API that may be starting, or be killed in the middle: again until it answers.
 * `action` must be safe to repeat. Other failures are thrown.
 * @param waiting told why it waits
 */
export async function untilAnswered(
  action: () => Promise<unknown>,
  clock: Clock,
  signal: AbortSignal,
  waiting: (reason: string) => void = () => undefined,
): Promise<void> {
  while (!isAborted(signal)) {
    try {
      await action();
      return;
    } catch (error) {
      if (isAborted(signal)) return;
      if (!hasCode(error, 'KUBE_UNAVAILABLE')) throw error;
      waiting(describeError(error));
      await clock.sleep(pollMs, signal);
    }
  }
}
