import { Redis } from 'ioredis';
import { MeshError } from '@clustermesh/runtime';

import { classifyRedis, endsSession } from './redis-errors.ts';
import type { RedisTarget } from './redis-options.ts';

type Argument = string | Buffer | number;
export type Command = readonly [name: string, ...args: Argument[]];

/** One connection, authenticated. It ends once: there is no silent reconnect that could hide another server. */
export class RedisSession {
  readonly #client: Redis;
  readonly #attempted: string;
  /** Of the server process: another one may have another history, also under the same store id. */
  serverId = '';
  #broken: unknown;
  #closed = false;

  private constructor(target: RedisTarget, requestTimeoutMs: number) {
    const { host, port, tls, description } = target;
    this.#attempted = `connect to ${description}`;
    this.#client = new Redis({
      ...{ host, port, lazyConnect: true, protocol: 2, disableClientInfo: true, enableReadyCheck: false },
      ...{ enableOfflineQueue: false, retryStrategy: () => null, disconnectTimeout: 100, keepAlive: 15_000 },
      ...{ commandTimeout: requestTimeoutMs, connectTimeout: requestTimeoutMs, ...(tls === undefined ? {} : { tls }) },
    });
    this.#client.on('error', (error) => (this.#broken ??= error));
  }

  static async open(target: RedisTarget, requestTimeoutMs: number): Promise<RedisSession> {
    const session = new RedisSession(target, requestTimeoutMs);
    try {
      await session.#connect(target);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  get ended(): boolean {
    // The library calls itself ready until the other side, which may be silent, has heard of the end.
    return this.#closed || this.#client.status !== 'ready';
  }

  /** One command; binary reply. */
  async call([name, ...args]: Command, attempted: string): Promise<unknown> {
    try {
      return await this.#client.callBuffer(name, ...args.map(toBytes));
    } catch (error) {
      if (endsSession(error)) this.close();
      throw classifyRedis(this.ended ? (this.#broken ?? error) : error, attempted);
    }
  }

  /** Several at one moment: nobody else's come between. */
  async atomically(commands: readonly Command[], attempted: string): Promise<readonly unknown[]> {
    const all: readonly Command[] = [['MULTI'], ...commands, ['EXEC']];
    const replies = await Promise.all(all.map((command) => this.call(command, attempted)));
    const results = replies.at(-1) as readonly unknown[];
    for (const result of results) if (isReplyError(result)) throw classifyRedis(result, attempted);
    return results;
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  async #connect({ username, password, database }: RedisTarget): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      throw classifyRedis(this.#broken ?? error, this.#attempted);
    }
    const user = username === undefined ? '' : ` as ${username}`;
    const attempted = this.#attempted + user;
    if (password !== undefined) await this.call(['AUTH', username ?? 'default', password], attempted);
    if (database !== 0) await this.call(['SELECT', database], attempted);
    this.serverId = await this.#info('server', 'run_id', attempted);
    const policy = await this.#info('memory', 'maxmemory_policy', attempted);
    const mayEvict = policy !== 'noeviction' && (await this.#info('memory', 'maxmemory', attempted)) !== '0';
    if (!mayEvict) return;
    const text = `${attempted}: it throws keys away when memory is short (maxmemory-policy ${policy}); set noeviction`;
    throw new MeshError('KV_REFUSED', text, { retryable: true });
  }

  async #info(section: string, field: string, attempted: string): Promise<string> {
    const info = String(await this.call(['INFO', section], attempted));
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  }
}

function toBytes(argument: Argument): Buffer {
  return typeof argument === 'object' ? argument : Buffer.from(String(argument), 'latin1');
}

function isReplyError(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && value.name === 'ReplyError';
}
