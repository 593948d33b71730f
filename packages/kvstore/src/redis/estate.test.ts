import { expect, it } from '@jest/globals';

import { settleEstate } from './estate.ts';
import { PackedCommit } from './packed-ops.ts';
import type { RedisSession } from './redis-session.ts';

it('what came back of an heir is deleted, but not what it has put again before its turn (I4)', async () => {
  const names = Array.from({ length: 200 }, (_, index) => String(index).padStart(3, '0'));
  const held = new Set<string>();
  const deleted: string[] = [];
  const session = {
    call: async ([name]: readonly string[]) =>
      name === 'SMEMBERS'
        ? [Buffer.from('p/')]
        : [Buffer.from('0'), names.flatMap((each) => [Buffer.from(each), Buffer.from('1 1 a+x')])],
    run: async (_script: unknown, args: readonly (string | Buffer)[]) => {
      const packed = new PackedCommit(Buffer.from(args.at(-1) ?? ''));
      deleted.push(...packed.eventsUnder('p/', 1n).map(({ key }) => key));
      held.add('p/199');
      return [Buffer.from('done'), Buffer.from('2')];
    },
  } as unknown as RedisSession;
  const heir = { writer: 'a', storeId: 's', told: 1n };
  const limits = { ttlSeconds: 60, streamBytes: 1_000 };
  const holds = (key: string): boolean => held.has(key);
  const settled = await settleEstate(session, { from: 'a', heir, holds, deletes: true, limits });
  expect(deleted).toEqual(names.slice(0, -1).map((name) => `p/${name}`));
  expect(settled).toEqual({ taken: [], deleted: 199 });
});
