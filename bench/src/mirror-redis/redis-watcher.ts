/** Watches a cache in a Redis from outside, in a process of its own. */
import { connectRedis, redisPlace } from '@clustermesh/kvstore';
import type { KvStore } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock } from '@clustermesh/runtime';

import { serve } from '../../floors/serve.ts';

export interface RedisPlaceOrder {
  readonly url: string;
  readonly credentials: string;
}

const { signal } = new AbortController();
let store: Promise<KvStore> | undefined;
let changed: string[] = [];

function connect({ url, credentials }: RedisPlaceOrder): Promise<KvStore> {
  store ??= connectRedis(redisPlace('bench', url, credentials), { session: false }, { clock, log }, signal);
  return store;
}

async function follow(redis: KvStore, prefix: string, listed: () => void): Promise<void> {
  for await (const { phase, events } of redis.watch(prefix, {}, signal)) {
    if (phase === 'list-done') listed();
    if (phase === 'live') for (const { key } of events) changed.push(key);
  }
}

const answers = {
  /** Of changes from now on. */
  follow: async ({ prefixes, ...place }: RedisPlaceOrder & { readonly prefixes: readonly string[] }): Promise<void> => {
    const redis = await connect(place);
    for (const prefix of prefixes) await new Promise<void>((resolve) => void follow(redis, prefix, resolve));
  },

  /** Keys that were put or deleted since the last time, each as often as it was. */
  take: (): readonly string[] => {
    const taken = changed;
    changed = [];
    return taken;
  },

  keys: async ({ prefix, ...place }: RedisPlaceOrder & { readonly prefix: string }): Promise<readonly string[]> => {
    const redis = await connect(place);
    const keys = new Set<string>();
    for await (const { phase, events } of redis.watch(prefix, {}, signal)) {
      for (const { key } of events) keys.add(key);
      if (phase === 'list-done') break;
    }
    return [...keys];
  },
};

export type RedisWatcher = typeof answers;

serve(answers);
