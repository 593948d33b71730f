import type { CounterDirection, ReasonName } from '../../maps/counters.ts';
import type { SimContext } from './context.ts';
import type { Decision } from './decision.ts';
import { ipVersionOf } from './frame.ts';

/** Without addresses nothing can be said of a packet. What is not IP never concerns policy. */
export function passUnreadable(
  { settings, ledger }: SimContext,
  frame: Uint8Array,
  reason: ReasonName,
  direction: CounterDirection,
): Decision {
  if (settings.policyScope !== 'all' || ipVersionOf(frame) === undefined) return { kind: 'pass' };
  ledger.count(reason, direction, frame.length);
  return { kind: 'drop', reason };
}
