import { isIP } from 'node:net';

import { MeshError } from '@clustermesh/runtime';

export interface RedisTls {
  /** PEM. Without: the system's authorities. */
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Where a server is and who we are there. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined: plain TCP. `servername` is checked against the certificate; addresses are checked as such. */
  readonly tls: (RedisTls & { readonly servername?: string }) | undefined;
  /** For people: without credentials. */
  readonly description: string;
}

export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://…` for TLS. */
  readonly url: string;
  /** Certificates of a `rediss://` URL. */
  readonly tls?: RedisTls | undefined;
  /** Instead of those of the URL: files keep secrets better than command lines. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** @throws MeshError CONFIG_INVALID; never with the password in it. */
export function parseRedisTarget({ url: text, tls, username, password }: RedisOptions): RedisTarget {
  const url = URL.parse(text);
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    throw new MeshError('CONFIG_INVALID', 'the Redis address is not a redis:// or rediss:// URL with a host');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'rediss:';
  if (!secure && tls !== undefined) {
    throw new MeshError('CONFIG_INVALID', `redis://${url.host} has certificates but no TLS: rediss:// is meant`);
  }
  return {
    host,
    port: url.port === '' ? 6_379 : Number(url.port),
    database: databaseOf(url),
    username: username ?? decoded(url.username, url),
    password: password ?? decoded(url.password, url),
    tls: secure ? { ...tls, ...(isIP(host) === 0 ? { servername: host } : {}) } : undefined,
    description: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
  };
}

function databaseOf({ host, pathname }: URL): number {
  const text = pathname.replace(/^\//, '');
  if (/^\d{0,4}$/.test(text)) return Number(text);
  throw new MeshError('CONFIG_INVALID', `redis://${host}${pathname}: the path is the number of a database`);
}

function decoded(text: string, { host }: URL): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new MeshError('CONFIG_INVALID', `redis://${host}: user and password have to be percent-encoded`, { cause });
  }
}
