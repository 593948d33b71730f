import { describe, expect, it } from '@jest/globals';

import { aborted } from './abort.ts';
import { withDeadline } from './deadline.ts';
import { FakeClock } from './fake-clock.ts';

describe('withDeadline', () => {
  const clock = new FakeClock();
  const options = { ms: 1000, what: 'ask east', clock };
  const { signal } = new AbortController();

  it('gives what the task gives in time', async () => {
    await expect(withDeadline(options, async () => 'answer', signal)).resolves.toBe('answer');
  });

  it('tells the task to end, and its caller what took too long', async () => {
    let ended = false;
    const task = async (ending: AbortSignal): Promise<void> => {
      await aborted(ending);
      ended = true;
    };
    const outcome = withDeadline(options, task, signal).catch((error: unknown) => error);
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ code: 'TIMEOUT', message: 'ask east: not done within 1 s' });
    expect(ended).toBe(true);
  });
});
