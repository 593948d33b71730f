import type { ObserverAnswers } from '../../floors/observer.ts';
import type { RelayAnswers } from '../../floors/relay.ts';
import { Child } from '../child.ts';
import type { BenchEtcd } from './etcds.ts';

export const floorSourcePrefix = 'floor/state/ip/';
const floorTargetPrefix = 'floor/cache/ip/';

/** The bare relay and its observer, beside ours on the same two etcds. */
export async function startFloor(
  stack: AsyncDisposableStack,
  { east, west }: { readonly east: BenchEtcd; readonly west: BenchEtcd },
  signal: AbortSignal,
): Promise<Child<ObserverAnswers>> {
  const observer = stack.use(new Child<ObserverAnswers>(new URL('../../floors/observer.ts', import.meta.url), signal));
  await observer.ask('open', { endpoint: west.endpoint, prefix: floorTargetPrefix });
  const relay = stack.use(new Child<RelayAnswers>(new URL('../../floors/relay.ts', import.meta.url), signal));
  await relay.ask('open', {
    source: east.endpoint,
    sourcePrefix: floorSourcePrefix,
    target: west.endpoint,
    targetPrefix: floorTargetPrefix,
  });
  return observer;
}
