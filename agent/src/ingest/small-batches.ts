import type { KvReader, WatchBatch } from '@clustermesh/kvstore';

type Watcher = Pick<KvReader, 'watch'>;

/**
 * Listings in batches of at most `limit` events, whatever the size of a page: a page that is good for the wire holds the
 * event loop too long. What follows the listing stays whole: a batch is a point to resume from.
 */
export function inSmallBatches(kv: Watcher, limit: number): Watcher {
  return {
    async *watch(prefix, options, signal) {
      for await (const batch of kv.watch(prefix, options, signal)) yield* parts(batch, limit);
    },
  };
}

function* parts(batch: WatchBatch, limit: number): Generator<WatchBatch> {
  const { events, point } = batch;
  let at = 0;
  if (batch.phase !== 'live') {
    for (; events.length - at > limit; at += limit) {
      yield { phase: 'list', events: events.slice(at, at + limit), point };
    }
  }
  yield at === 0 ? batch : { ...batch, events: events.slice(at) };
}
