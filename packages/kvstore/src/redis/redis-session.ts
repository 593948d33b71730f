import { isDeepStrictEqual } from 'node:util';

import { Redis } from 'ioredis';
import { MeshError } from '@clustermesh/runtime';

import { classifyRedis, endsSession, isNoScript } from './redis-errors.ts';
import type { RedisTarget } from './redis-options.ts';

type Argument = string | Buffer | number;
export type Command = readonly [name: string, ...args: Argument[]];

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export interface Dialling {
  readonly requestTimeoutMs: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** Each is one look; writers that outrun so many are none that a reader could follow. */
const momentAttempts = 20;

/** One connection, authenticated. It ends once: there is no silent reconnect that could hide another server. */
export class RedisSession {
  readonly #client: Redis;
  /** To connect: for the messages of those who look further at what they have connected to. */
  readonly attempted: string;
  #broken: unknown;
  #closed = false;
  readonly #sent = new Set<Script>();

  private constructor(target: RedisTarget, requestTimeoutMs: number) {
    const { host, port, tls, description, login } = target;
    this.attempted = `connect to ${description}${login.username === undefined ? '' : ` as ${login.username}`}`;
    this.#client = new Redis({
      ...{ host, port, lazyConnect: true, protocol: 2, disableClientInfo: true, enableReadyCheck: false },
      ...{ enableOfflineQueue: false, retryStrategy: () => null, disconnectTimeout: 100, keepAlive: 15_000 },
      ...{ commandTimeout: requestTimeoutMs, connectTimeout: requestTimeoutMs, ...(tls === undefined ? {} : { tls }) },
    });
    this.#client.on('error', (error) => (this.#broken ??= error));
  }

  static async open(target: RedisTarget, { requestTimeoutMs, signal }: Dialling): Promise<RedisSession> {
    const session = new RedisSession(target, requestTimeoutMs);
    const close = (): void => session.close();
    signal.addEventListener('abort', close);
    try {
      signal.throwIfAborted();
      await session.#connect(target);
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', close);
    }
  }

  get ended(): boolean {
    // The library calls itself ready until the other side, which may be silent, has heard of the end.
    return this.#closed || this.#client.status !== 'ready';
  }

  /** For those who wait elsewhere for what they do with this connection: @throws why it has ended. */
  assertOpen(attempted: string): void {
    if (this.ended) throw classifyRedis(this.#broken ?? new Error('the connection is closed'), attempted);
  }

  /** One command; binary reply. */
  async call(command: Command, attempted: string): Promise<unknown> {
    try {
      return await this.#send(command);
    } catch (error) {
      throw this.#classified(error, attempted);
    }
  }

  /** A script without keys. Its text is sent once a connection. */
  async run(script: Script, args: readonly Argument[], attempted: string): Promise<unknown> {
    if (this.#sent.has(script)) {
      try {
        return await this.#send(['EVALSHA', script.sha1, 0, ...args]);
      } catch (error) {
        // The server may forget scripts at any time.
        if (!isNoScript(error)) throw this.#classified(error, attempted);
      }
    }
    this.#sent.add(script);
    return this.call(['EVAL', script.text, 0, ...args], attempted);
  }

  /**
   * What several reads answer at one moment, the first of them being `witness`, which every change changes: it is read
   * before and after. Writes of others hardly ever come between what is sent at once. Not a transaction (MULTI): a server
   * that is out of memory refuses those even for reading.
   */
  async atOneMoment(witness: Command, commands: readonly Command[], attempted: string): Promise<readonly unknown[]> {
    for (let attempt = 1; attempt <= momentAttempts; attempt++) {
      const all = [witness, ...commands, witness];
      const replies = await Promise.all(all.map((command) => this.call(command, attempted)));
      if (isDeepStrictEqual(replies.pop(), replies[0])) return replies;
    }
    const text = `${attempted}: it is written faster than it can be read`;
    throw new MeshError('KV_UNAVAILABLE', text, { retryable: true });
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  #send([name, ...args]: Command): Promise<unknown> {
    return this.#client.callBuffer(name, ...args.map(toBytes));
  }

  #classified(error: unknown, attempted: string): MeshError {
    if (endsSession(error)) this.close();
    return classifyRedis(this.ended ? (this.#broken ?? error) : error, attempted);
  }

  async #connect({ login, database }: RedisTarget): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      throw classifyRedis(this.#broken ?? error, this.attempted);
    }
    const { username = 'default', password } = login;
    if (password !== undefined) await this.call(['AUTH', username, password], this.attempted);
    if (database !== 0) await this.call(['SELECT', database], this.attempted);
  }
}

function toBytes(argument: Argument): Buffer {
  return typeof argument === 'object' ? argument : Buffer.from(String(argument), 'latin1');
}
