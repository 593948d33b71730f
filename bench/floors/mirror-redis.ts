/**
 * Floor of a mirror's start into a Redis: pages through sources, and writes the same bytes as fields of hashes, and for
 * those who follow as entries of a stream, pipelined.
 */
import { connect } from './etcd.ts';
import type { Put } from './etcd.ts';
import type { MirrorRoute, Rename } from './mirror.ts';
import { pageThrough } from './pages.ts';
import { RespPipeline } from './resp.ts';
import type { RedisEndpoint } from './resp.ts';
import { serve } from './serve.ts';

export interface RedisMirrorOrder {
  readonly routes: readonly MirrorRoute[];
  readonly target: RedisEndpoint;
}

const fieldsPerCommand = 128;
const hset = Buffer.from('HSET');
/** What is kept for those who follow: as many entries as 64 MiB are. */
const xadd = ['XADD', 'changes', 'MAXLEN', '~', '2000', '*', 'batch'].map((word) => Buffer.from(word));

const answers = {
  /** How many keys were copied: one hash a prefix. */
  run: async ({ routes, target }: RedisMirrorOrder): Promise<number> => {
    const into = new RespPipeline(target);
    const copy = async ({ source, renames }: MirrorRoute): Promise<number> => {
      const from = connect(source);
      let keys = 0;
      for (const rename of renames) keys += await pageThrough(from, rename.from, (page) => set(into, rename, page));
      from.close();
      return keys;
    };
    const counts = await Promise.all(routes.map(copy));
    await into.end();
    return counts.reduce((sum, count) => sum + count, 0);
  },
};

async function set(into: RespPipeline, { from, to }: Rename, page: readonly Put[]): Promise<void> {
  const hash = Buffer.from(to, 'latin1');
  for (let at = 0; at < page.length; at += fieldsPerCommand) {
    const fields = page
      .slice(at, at + fieldsPerCommand)
      .flatMap(({ key, value }) => [key.subarray(from.length), value]);
    await into.send([hset, hash, ...fields]);
    await into.send([...xadd, Buffer.concat([hash, ...fields])]);
  }
}

export type RedisMirrorFloor = typeof answers;

serve(answers);
