import { MeshError } from '@clustermesh/runtime';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where a store is, as its URL says it. */
export interface RedisAddress {
  readonly secure: boolean;
  /** One server, or the Sentinels that know which server it is. */
  readonly hosts: readonly HostPort[];
  /** What the Sentinels call the servers that they watch; undefined: there are no Sentinels. */
  readonly primary: string | undefined;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** For people: without credentials. */
  readonly description: string;
}

const forms = 'redis://host:6379/0 or redis+sentinel://host:26379,host:26379/name/0 (rediss… for TLS)';

/** scheme, Sentinel or not, user info, hosts, path. */
const shape = /^(rediss?)(\+sentinel)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(\/[^?#]*)?$/;

/**
 * `redis://[user[:password]@]host[:6379][/database]`, or
 * `redis+sentinel://[user[:password]@]host[:26379],host[:26379]…/<name of the primary>[/database]`; `rediss…` is TLS.
 * Throws CONFIG_INVALID; never with the password in it.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [scheme = '', sentinel = '', credentials = '', hostList = '', path = ''] = partsOf(text);
  const description = `${scheme}${sentinel}://${hostList}${path === '/' ? '' : path}`;
  const hosts = parseHosts(hostList, sentinel === '' ? 6_379 : 26_379);
  const [username, password] = credentials.split(/:(.*)/s).map((part) => decoded(part, description));
  const shared = { secure: scheme === 'rediss', hosts, username, password, description };
  const [first = '', ...rest] = path.split('/').slice(1);
  if (sentinel !== '') {
    if (first === '') throw invalid(`${description}: the path has to begin with the name of the primary`);
    return { ...shared, primary: decoded(first, description), database: databaseOf(rest, description) };
  }
  if (hosts.length > 1) throw invalid(`${description}: several hosts are Sentinels: ${scheme}+sentinel:// is meant`);
  return { ...shared, primary: undefined, database: databaseOf([first, ...rest], description) };
}

function partsOf(text: string): readonly string[] {
  const found = shape.exec(text);
  if (found === null) throw invalid(`the Redis address is none of ${forms}`);
  return found.slice(1).map((part: string | undefined) => part ?? '');
}

function parseHosts(list: string, defaultPort: number): HostPort[] {
  return list.split(',').map((text) => {
    const host = parseHost(text, defaultPort);
    if (host === undefined) throw invalid(`the Redis address is none of ${forms}`);
    return host;
  });
}

function parseHost(text: string, defaultPort: number): HostPort | undefined {
  const url = URL.parse(`redis://${text}`);
  if (url === null || url.hostname === '' || url.host !== text.toLowerCase()) return undefined;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? defaultPort : Number(url.port) };
}

function databaseOf(segments: readonly string[], description: string): number {
  const text = segments.join('/');
  if (/^\d{0,4}$/.test(text)) return Number(text);
  throw invalid(`${description}: the path ends with the number of a database`);
}

function decoded(text: string, description: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid(`${description}: user, password and name have to be percent-encoded`, cause);
  }
}

function invalid(problem: string, cause?: unknown): MeshError {
  return new MeshError('CONFIG_INVALID', problem, { cause });
}
