import type { Logger } from '@clustermesh/runtime';

import { settleEstate } from './estate.ts';
import type { EstateOptions } from './estate.ts';
import { names, namespace } from './keyspace.ts';
import type { RedisSession } from './redis-session.ts';
import { buryScript } from './scripts.ts';
import { lookAtWriters } from './writers.ts';

/**
 * So many looks in a row have to agree. Redis measures expiry by its wall clock: when that jumps, keys of writers that live
 * are gone too, until each has put its own again, before the next look. Looks are counted, not time: who slept himself has
 * not seen others sleep.
 */
const looksThatAgree = 4;

export type Heir = Omit<EstateOptions, 'from' | 'deletes'>;

/**
 * What writers that live do about those that are dead: they declare them dead, take over what they hold themselves of
 * their keys, and, when every heir had the time for that, delete the rest.
 */
export class Heirs {
  readonly #log: Logger;
  readonly #silentLooks = new Map<string, number>();
  readonly #deadLooks = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** One look. Answers the keys that were taken over: whether their values are ours is for their owner to say. */
  async look(session: RedisSession, heir: Heir): Promise<readonly string[]> {
    const attempted = 'look for dead writers';
    const writers = await lookAtWriters(session, attempted);
    const silent = [...writers].filter(([id, writer]) => writer.silent && id !== heir.heir.writer).map(([id]) => id);
    for (const id of count(this.#silentLooks, silent)) await session.run(buryScript, [namespace, id], attempted);
    const reply = (await session.call(['SMEMBERS', names.dead], attempted)) as readonly Buffer[];
    const dead = reply.map((id) => id.toString('latin1'));
    const ripe = new Set(count(this.#deadLooks, dead));
    const taken: string[] = [];
    for (const from of dead) {
      const looks = this.#deadLooks.get(from) ?? 0;
      if (looks > 1 && !ripe.has(from)) continue;
      taken.push(...(await this.#settle(session, { ...heir, from, deletes: ripe.has(from) })));
    }
    return taken;
  }

  async #settle(session: RedisSession, estate: EstateOptions): Promise<readonly string[]> {
    const { from: writer, deletes } = estate;
    const { taken, deleted } = await settleEstate(session, estate);
    this.#log.warn({ writer, keys: taken.length, deleted }, 'keys of a dead writer taken over or deleted');
    if (deletes) await session.call(['SREM', names.dead, writer], `forget the dead writer ${writer}`);
    return taken;
  }
}

/** Counts one more look at each; those who are not there start anew. Answers who has been there often enough. */
function count(looks: Map<string, number>, present: readonly string[]): readonly string[] {
  for (const id of [...looks.keys()]) if (!present.includes(id)) looks.delete(id);
  for (const id of present) looks.set(id, (looks.get(id) ?? 0) + 1);
  return present.filter((id) => (looks.get(id) ?? 0) >= looksThatAgree);
}
