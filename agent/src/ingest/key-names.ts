import type { KvEvent, KvReader, WatchBatch } from '@clustermesh/kvstore';

type Watcher = Pick<KvReader, 'watch'>;

/**
 * The same watches with key names, which follow the prefix, for keys: a cluster may move from one prefix to another, and
 * keeps its entries. A server that is not what it seems may tell of any key: what is outside the prefix is no entry.
 */
export function byKeyName(kv: Watcher): Watcher {
  return {
    async *watch(prefix, options, signal): AsyncGenerator<WatchBatch> {
      for await (const batch of kv.watch(prefix, options, signal))
        yield { ...batch, events: named(batch.events, prefix) };
    },
  };
}

function named(events: readonly KvEvent[], prefix: string): readonly KvEvent[] {
  const entries: KvEvent[] = [];
  for (const event of events) {
    if (!event.key.startsWith(prefix) || event.key.length === prefix.length) continue;
    const { kind, modRevision } = event;
    const key = event.key.slice(prefix.length);
    entries.push(kind === 'put' ? { kind, key, value: event.value, modRevision } : { kind, key, modRevision });
  }
  return entries;
}
