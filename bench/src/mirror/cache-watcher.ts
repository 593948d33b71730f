/** Watches a cache from outside, in a process of its own: whoever is watched may end before it does. */
import { connect, follow } from '../../floors/etcd.ts';
import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';

export interface WatchOrder {
  readonly etcd: Endpoint;
  readonly prefixes: readonly string[];
}

interface PrefixOrder {
  readonly etcd: Endpoint;
  readonly prefix: string;
}

let changed: string[] = [];
let connection: ReturnType<typeof connect> | undefined;

function connectOnce(etcd: Endpoint): ReturnType<typeof connect> {
  connection ??= connect(etcd);
  return connection;
}

function below(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const key = Buffer.from(prefix, 'latin1');
  const end = Buffer.from(key);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { key, range_end: end };
}

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

  count: async ({ etcd, prefix }: PrefixOrder): Promise<number> =>
    Number((await connectOnce(etcd).kv.range({ ...below(prefix), count_only: true })).count),

  keys: async ({ etcd, prefix }: PrefixOrder): Promise<readonly string[]> =>
    (await connectOnce(etcd).kv.range(below(prefix))).kvs.map(({ key }) => key.toString('latin1')),
};

export type CacheWatcher = typeof answers;

serve(answers);
