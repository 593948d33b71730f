/** Floor of a mirror's start: pages through sources, and puts the same bytes in batches under other names. */
import { connect } from './etcd.ts';
import type { Endpoint, Put } from './etcd.ts';
import { pageThrough } from './pages.ts';
import { serve } from './serve.ts';

/** `from` and `to` are prefixes that end in `/`. */
export interface Rename {
  readonly from: string;
  readonly to: string;
}

export interface MirrorRoute {
  readonly source: Endpoint;
  readonly renames: readonly Rename[];
}

export interface MirrorOrder {
  readonly routes: readonly MirrorRoute[];
  readonly target: Endpoint;
}

/** What etcd takes by default. */
const opsPerTransaction = 128;
const transactionsInFlight = 8;

const answers = {
  /** How many keys were copied. */
  run: async ({ routes, target }: MirrorOrder): Promise<number> => {
    const into = connect(target);
    const inFlight = new Set<Promise<unknown>>();
    const put = async (batch: readonly Put[]): Promise<void> => {
      while (inFlight.size >= transactionsInFlight) await Promise.race(inFlight);
      const sent = into.kv.txn({ success: batch.map((request_put) => ({ request_put })) });
      inFlight.add(sent);
      void sent.then(() => inFlight.delete(sent));
    };
    const copy = async ({ source, renames }: MirrorRoute): Promise<number> => {
      const from = connect(source);
      let keys = 0;
      for (const rename of renames) keys += await copyPrefix(from, rename, put);
      from.close();
      return keys;
    };
    const counts = await Promise.all(routes.map(copy));
    await Promise.all(inFlight);
    into.close();
    return counts.reduce((sum, count) => sum + count, 0);
  },
};

function copyPrefix(
  source: ReturnType<typeof connect>,
  { from, to }: Rename,
  put: (batch: readonly Put[]) => Promise<void>,
): Promise<number> {
  const target = Buffer.from(to, 'latin1');
  return pageThrough(source, from, async (page) => {
    for (let at = 0; at < page.length; at += opsPerTransaction) {
      const batch = page.slice(at, at + opsPerTransaction);
      await put(batch.map(({ key, value }) => ({ key: Buffer.concat([target, key.subarray(from.length)]), value })));
    }
  });
}

export type MirrorFloor = typeof answers;

serve(answers);
