import { isIP } from 'node:net';

import { MeshError } from '@clustermesh/runtime';

import type { HostPort, RedisAddress } from './redis-address.ts';

/** PEM. */
export interface RedisTls {
  /** Without: the system's authorities. */
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface RedisLogin {
  /** Without, and with a password: the default user. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface RedisCredentials extends RedisLogin {
  /** Of a `rediss` URL. */
  readonly tls?: RedisTls | undefined;
  /** Sentinels have users of their own. */
  readonly sentinel?: RedisLogin | undefined;
}

export interface RedisOptions {
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** Asked before each connection; those that run go on. What it answers goes before what the URL says. */
  readonly credentials?: (() => Promise<RedisCredentials>) | undefined;
}

/** One server, and who we are there. */
export interface RedisTarget extends HostPort {
  readonly login: RedisLogin;
  readonly database: number;
  /** Undefined: plain TCP. `servername` is checked against the certificate; addresses are checked as such. */
  readonly tls: (RedisTls & { readonly servername?: string; readonly allowPartialTrustChain: true }) | undefined;
  /** For people: without credentials. */
  readonly description: string;
}

/** The server itself, which may be another one than the address names: Sentinels say which. */
export function serverTarget(address: RedisAddress, at: HostPort, credentials: RedisCredentials): RedisTarget {
  const { username = address.username, password = address.password } = credentials;
  const via = address.primary === undefined ? '' : ` (${hostPort(at)})`;
  const description = address.description + via;
  const tls = tlsOf(address, at, credentials);
  return { ...at, login: { username, password }, database: address.database, tls, description };
}

export function sentinelTarget(address: RedisAddress, at: HostPort, credentials: RedisCredentials): RedisTarget {
  const tls = tlsOf(address, at, credentials);
  return { ...at, login: credentials.sentinel ?? {}, database: 0, tls, description: `Sentinel ${hostPort(at)}` };
}

/** As etcd's clients have it, any certificate of the CA file may be the end of a chain. */
function tlsOf(
  { secure, description }: RedisAddress,
  { host }: HostPort,
  { tls }: RedisCredentials,
): RedisTarget['tls'] {
  if (secure) return { ...tls, ...(isIP(host) === 0 ? { servername: host } : {}), allowPartialTrustChain: true };
  if (tls === undefined) return undefined;
  throw new MeshError('CONFIG_INVALID', `${description} has certificates but no TLS: rediss is meant`);
}

function hostPort({ host, port }: HostPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
