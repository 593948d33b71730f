import type { ApiObject } from '../api-object.ts';
import { fieldsOf } from '../api-object.ts';

export interface EventLimits {
  /** How long after it was last seen an event is kept. */
  readonly ttlMs: number;
  /** The newest are kept. */
  readonly most: number;
}

/** As kube-apiserver, and few enough to look through. */
export const eventLimits: EventLimits = { ttlMs: 3_600_000, most: 5000 };

/** Events whose time is over, and the oldest of those that are too many. */
export function expiredEvents(events: Iterable<ApiObject>, nowMs: number, limits = eventLimits): readonly ApiObject[] {
  const aged = Array.from(events, (event) => ({ event, seenMs: lastSeenMs(event) }));
  aged.sort((a, b) => b.seenMs - a.seenMs);
  return aged
    .filter(({ seenMs }, rank) => rank >= limits.most || nowMs - seenMs >= limits.ttlMs)
    .map(({ event }) => event);
}

function lastSeenMs({ metadata, ...event }: ApiObject): number {
  const { lastObservedTime } = fieldsOf(event['series']);
  const times = [lastObservedTime, event['lastTimestamp'], event['eventTime'], metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => (typeof time === 'string' ? Date.parse(time) || 0 : 0)));
}
