import type { Clock } from '@clustermesh/runtime';

import { isMeshReady } from './mesh-status.ts';
import type { MeshStatus } from './mesh-status.ts';

/** Between two looks. */
const pollMs = 1_000;

export interface Waited {
  readonly status: MeshStatus;
  readonly outcome: 'ready' | 'timeout' | 'interrupted';
}

/** Looks until everything is ready, `limitMs` have passed or `signal` aborts; the last look is what is told. */
export async function waitUntilReady(
  look: () => Promise<MeshStatus>,
  limitMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Waited> {
  const deadline = clock.monotonicMs() + limitMs;
  for (;;) {
    const status = await look();
    if (isMeshReady(status)) return { status, outcome: 'ready' };
    if (signal.aborted) return { status, outcome: 'interrupted' };
    if (clock.monotonicMs() >= deadline) return { status, outcome: 'timeout' };
    await clock.sleep(pollMs, signal);
  }
}
