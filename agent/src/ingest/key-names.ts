import type { KvReader, WatchBatch } from '@clustermesh/kvstore';

type Watcher = Pick<KvReader, 'watch'>;

/**
 * The same watches with key names, which follow the prefix, for keys: a cluster may move from one prefix to another, and
 * keeps its entries. A server that is not what it seems may tell of any key: what is outside the prefix is no entry.
 */
export function byKeyName(kv: Watcher): Watcher {
  return {
    async *watch(prefix, options, signal): AsyncGenerator<WatchBatch> {
      for await (const batch of kv.watch(prefix, options, signal)) {
        const entries = batch.events.filter(({ key }) => key.startsWith(prefix) && key.length > prefix.length);
        yield { ...batch, events: entries.map((event) => ({ ...event, key: event.key.slice(prefix.length) })) };
      }
    },
  };
}
