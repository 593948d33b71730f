import type { KvEvent, KvReader, WatchBatch } from '@clustermesh/kvstore';

type Watcher = Pick<KvReader, 'watch'>;

export interface BatchLimit {
  readonly events: number;
  /** Of values; one that has more is a batch of its own. */
  readonly bytes: number;
}

/**
 * Listings in batches within `limit`, whatever the size of a page: a page that is good for the wire holds the event loop
 * too long. What follows the listing stays whole: a batch is a point to resume from.
 */
export function inSmallBatches(kv: Watcher, limit: BatchLimit): Watcher {
  return {
    async *watch(prefix, options, signal) {
      for await (const batch of kv.watch(prefix, options, signal)) yield* parts(batch, limit);
    },
  };
}

function* parts(batch: WatchBatch, limit: BatchLimit): Generator<WatchBatch> {
  const { events, point } = batch;
  let at = 0;
  if (batch.phase !== 'live') {
    for (let end = endOfPart(events, at, limit); end < events.length; end = endOfPart(events, at, limit)) {
      yield { phase: 'list', events: events.slice(at, end), point };
      at = end;
    }
  }
  yield at === 0 ? batch : { ...batch, events: events.slice(at) };
}

function endOfPart(events: readonly KvEvent[], at: number, limit: BatchLimit): number {
  let bytes = 0;
  for (let end = at; end < events.length; end++) {
    const event = events[end];
    if (event?.kind === 'put') bytes += event.value.length;
    if (end - at === limit.events || (bytes > limit.bytes && end > at)) return end;
  }
  return events.length;
}
