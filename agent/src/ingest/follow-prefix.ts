import { Backoff, retryLoop } from '@clustermesh/runtime';
import { WatchStore } from '@clustermesh/kvstore';
import type { Decode, KvReader, WatchObserver } from '@clustermesh/kvstore';

import type { IngestDeps } from './kind-ingest.ts';

const backoffCapMs = 30_000;

/** Follows one prefix until abort, over any number of connections. */
export async function followPrefix<T>(
  target: { readonly name: string; readonly prefix: string; readonly decode: Decode<T> },
  observer: WatchObserver<T>,
  deps: IngestDeps & { readonly kv: KvReader },
  signal: AbortSignal,
): Promise<void> {
  const { kv, clock, random, log, health } = deps;
  let progressed = (): void => undefined;
  const store = new WatchStore<T>(target.decode, {
    upserted: (key, value) => observer.upserted(key, value),
    deleted: (key) => observer.deleted(key),
    rejected: (key, reason) => observer.rejected(key, reason),
    synced: () => {
      progressed();
      observer.synced();
    },
  });
  const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
  await retryLoop(
    (inner, onProgress) => {
      progressed = onProgress;
      return store.run(kv, target.prefix, {}, inner);
    },
    { name: target.name, backoff, clock, health, log },
    signal,
  );
}
