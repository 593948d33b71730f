import { describeError, hasCode, isMeshError } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';

import type { RoleGrant } from './auth-messages.ts';
import { EtcdConnection } from './connection.ts';
import { parseEndpoint } from './endpoint.ts';
import type { EtcdTls } from './endpoint.ts';
import * as methods from './methods.ts';

export interface EtcdAuthOptions {
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
}

/** Users and roles of an etcd (protocol.md §6.1). Each step may be done again: what is there already is fine. */
export class EtcdAuth implements Disposable {
  readonly #connection: EtcdConnection;

  /** Over a connection that somebody else has. */
  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  /** Over a connection of its own. */
  static connect(
    { endpoints, tls }: EtcdAuthOptions,
    deps: { readonly clock: Clock; readonly random: Random },
  ): EtcdAuth {
    const parsed = endpoints.map((text) => parseEndpoint(text, new Map(), tls !== undefined));
    const times = { keepaliveMs: 15_000, keepaliveTimeoutMs: 25_000, requestTimeoutMs: 30_000 };
    return new EtcdAuth(new EtcdConnection({ endpoints: parsed, tls, ...times }, deps));
  }

  /** Asked as etcd 3.4 can answer it, too: by a user that does not exist. */
  async isEnabled(signal: AbortSignal): Promise<boolean> {
    const nobody = { name: 'nobody', password: '' };
    try {
      await this.#connection.unary(methods.authenticate, nobody, 'ask whether etcd authorisation is on', signal);
      return true;
    } catch (error) {
      if (!hasCode(error, 'KV_UNAUTHENTICATED')) throw error;
      return !/not enabled/.test(describeError(error));
    }
  }

  /** A user without a password: whoever holds a certificate of this common name. */
  async addUser(name: string, signal: AbortSignal): Promise<void> {
    await unlessPresent(this.#connection.unary(methods.userAdd, name, `add etcd user ${name}`, signal));
  }

  async deleteUser(name: string, signal: AbortSignal): Promise<void> {
    await this.#connection.unary(methods.userDelete, name, `delete etcd user ${name}`, signal);
  }

  async users(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#connection.unary(methods.userList, undefined, 'list etcd users', signal)).names;
  }

  async addRole(name: string, signal: AbortSignal): Promise<void> {
    await unlessPresent(this.#connection.unary(methods.roleAdd, name, `add etcd role ${name}`, signal));
  }

  async grantPermission(grant: RoleGrant, signal: AbortSignal): Promise<void> {
    await this.#connection.unary(methods.roleGrantPermission, grant, `grant to etcd role ${grant.role}`, signal);
  }

  async grantRole(user: string, role: string, signal: AbortSignal): Promise<void> {
    const attempted = `grant role ${role} to etcd user ${user}`;
    await this.#connection.unary(methods.userGrantRole, { user, role }, attempted, signal);
  }

  /** From here on every call needs a user. */
  async enable(signal: AbortSignal): Promise<void> {
    await this.#connection.unary(methods.authEnable, undefined, 'enable etcd authorisation', signal);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

async function unlessPresent(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const present = isMeshError(error) && hasCode(error, 'KV_REFUSED') && /already exists/.test(String(error.cause));
    if (!present) throw error;
  }
}
