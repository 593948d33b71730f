/** Watches a cache from outside, in a process of its own: whoever is watched may end before it does. */
import { connect, follow } from '../../floors/etcd.ts';
import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';

export interface WatchOrder {
  readonly etcd: Endpoint;
  readonly prefixes: readonly string[];
}

let changed: string[] = [];

const answers = {
  /** Of changes from now on. */
  follow: async ({ etcd, prefixes }: WatchOrder): Promise<void> => {
    const note = (key: Buffer): void => {
      changed.push(key.toString());
    };
    for (const prefix of prefixes) await follow(connect(etcd), prefix, ({ key }) => note(key), note);
  },

  /** Keys that were put or deleted since the last time, each as often as it was. */
  take: (): readonly string[] => {
    const taken = changed;
    changed = [];
    return taken;
  },

  count: async ({ etcd, prefix }: { readonly etcd: Endpoint; readonly prefix: string }): Promise<number> => {
    const key = Buffer.from(prefix, 'latin1');
    const end = Buffer.from(key);
    end[end.length - 1] = (end.at(-1) ?? 0) + 1;
    return Number((await connect(etcd).kv.range({ key, range_end: end, count_only: true })).count);
  },
};

export type CacheWatcher = typeof answers;

serve(answers);
