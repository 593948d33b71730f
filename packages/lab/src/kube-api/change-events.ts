import type { ApiObject } from './api-object.ts';
import type { Change } from './collection.ts';
import { withResourceVersion } from './ledger.ts';
import type { ObjectFilter } from './selectors.ts';

export interface ChangeEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ApiObject;
}

/**
 * How a watch with this filter sees a change; undefined when it does not. An object that stops matching is deleted
 * for this watch: it gets the last state that matched, with the revision of the change.
 */
export function changeEvent(change: Change, isWanted: ObjectFilter): ChangeEvent | undefined {
  const { before, after, revision } = change;
  const wasWanted = before !== undefined && isWanted(before);
  if (after !== undefined && isWanted(after)) return { type: wasWanted ? 'MODIFIED' : 'ADDED', object: after };
  return wasWanted ? { type: 'DELETED', object: withResourceVersion(before, revision) } : undefined;
}
