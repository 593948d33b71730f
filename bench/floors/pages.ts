import type { connect, Put } from './etcd.ts';

const pageKeys = 2_000;

/** Pages through a prefix; the next page is on its way while this one is put. */
export async function pageThrough(
  source: ReturnType<typeof connect>,
  from: string,
  put: (page: readonly Put[]) => Promise<void>,
): Promise<number> {
  const end = Buffer.from(from, 'latin1');
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  const fetch = (key: Buffer) => source.kv.range({ key, range_end: end, limit: pageKeys });
  let keys = 0;
  for (let page = await fetch(Buffer.from(from, 'latin1')); ;) {
    const last = page.kvs.at(-1);
    const next = page.more && last !== undefined ? fetch(Buffer.concat([last.key, Buffer.of(0)])) : undefined;
    await put(page.kvs);
    keys += page.kvs.length;
    if (next === undefined) return keys;
    page = await next;
  }
}
