import type { KvReader, WatchBatch } from '@clustermesh/kvstore';

/** Told of each batch when it has been worked on; the next one is not read before. */
export type Pace = (events: number, bytes: number, signal: AbortSignal) => Promise<void>;

/**
 * The same watches, read no faster than `pace` allows: a server that sends without end, be it changes, listings or empty
 * messages, is held back by flow control and does not take the process from the other clusters (I1).
 */
export function pacedReader(store: Pick<KvReader, 'watch'>, pace: Pace): Pick<KvReader, 'watch'> {
  return {
    async *watch(prefix, options, signal): AsyncGenerator<WatchBatch> {
      for await (const batch of store.watch(prefix, options, signal)) {
        yield batch;
        await pace(batch.events.length, sizeOf(batch), signal);
      }
    },
  };
}

function sizeOf({ events }: WatchBatch): number {
  return events.reduce((sum, event) => sum + event.key.length + (event.kind === 'put' ? event.value.length : 0), 0);
}
