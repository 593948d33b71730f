/** Floor of a mirror's start: pages through sources, and puts the same bytes in batches under other names. */
import { connect } from './etcd.ts';
import type { Endpoint, Put } from './etcd.ts';
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

const pageKeys = 2_000;
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

/** The next page is on its way while this one is put. */
async function copyPrefix(
  source: ReturnType<typeof connect>,
  { from, to }: Rename,
  put: (batch: readonly Put[]) => Promise<void>,
): Promise<number> {
  const end = Buffer.from(from, 'latin1');
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  const target = Buffer.from(to, 'latin1');
  const fetch = (key: Buffer) => source.kv.range({ key, range_end: end, limit: pageKeys });
  let keys = 0;
  for (let page = await fetch(Buffer.from(from, 'latin1')); ;) {
    const last = page.kvs.at(-1);
    const next = page.more && last !== undefined ? fetch(Buffer.concat([last.key, Buffer.of(0)])) : undefined;
    for (let at = 0; at < page.kvs.length; at += opsPerTransaction) {
      const batch = page.kvs.slice(at, at + opsPerTransaction);
      await put(batch.map(({ key, value }) => ({ key: Buffer.concat([target, key.subarray(from.length)]), value })));
    }
    keys += page.kvs.length;
    if (next === undefined) return keys;
    page = await next;
  }
}

export type MirrorFloor = typeof answers;

serve(answers);
