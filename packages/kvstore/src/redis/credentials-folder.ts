import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';

import { checkCredentials } from '@clustermesh/pki';
import { MeshError, describeError } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

import type { RedisCredentials, RedisLogin, RedisTls } from './redis-options.ts';

export interface CredentialsFolderDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Who we are at a Redis, as the files of a folder say it; any of them may be missing: `username`, `password`, `ca.crt`,
 * `tls.crt`, `tls.key`, `sentinel-username`, `sentinel-password`. A Secret that is mounted is such a folder.
 */
export class CredentialsFolder {
  readonly #path: string;
  readonly #deps: CredentialsFolderDeps;
  #latest: RedisCredentials;
  #objection: string | undefined;

  private constructor(path: string, deps: CredentialsFolderDeps, first: RedisCredentials) {
    this.#path = path;
    this.#deps = deps;
    this.#latest = first;
  }

  /** @throws MeshError saying what is wrong with the files: FILE_UNREADABLE, TLS_INVALID or TLS_CERT_EXPIRED. */
  static async open(path: string, deps: CredentialsFolderDeps): Promise<CredentialsFolder> {
    return new CredentialsFolder(path, deps, await readChecked(path, deps.clock));
  }

  /** As they are now; while they are half-written or no longer good, as they were last. Never throws. */
  async read(): Promise<RedisCredentials> {
    const { clock, log } = this.#deps;
    try {
      const found = await readChecked(this.#path, clock);
      if (!isDeepStrictEqual(found, this.#latest)) log.info({ folder: this.#path }, 'renewed credentials taken');
      this.#latest = found;
      this.#objection = undefined;
    } catch (error) {
      const reason = describeError(error);
      if (reason !== this.#objection) log.warn({ reason }, 'renewed credentials not usable, former ones stay');
      this.#objection = reason;
    }
    return this.#latest;
  }
}

async function readChecked(path: string, clock: Clock): Promise<RedisCredentials> {
  const read = (name: string): Promise<Buffer | undefined> => readIfThere(join(path, name));
  const [ca, cert, key] = [await read('ca.crt'), await read('tls.crt'), await read('tls.key')];
  const tls = ca === undefined && cert === undefined && key === undefined ? undefined : { ca, cert, key };
  if (tls !== undefined) checkTls(path, tls, clock);
  const sentinel = loginOf(await read('sentinel-username'), await read('sentinel-password'));
  return { ...loginOf(await read('username'), await read('password')), tls, sentinel };
}

function loginOf(username: Buffer | undefined, password: Buffer | undefined): RedisLogin {
  return { username: lineOf(username), password: lineOf(password) };
}

/** Editors and `echo` end a file by a line's end, which is no part of a password. */
function lineOf(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('utf8').replace(/\r?\n$/, '');
}

/** Without authorities of their own, servers are those of the system's. */
function checkTls(path: string, { ca, cert, key }: RedisTls, clock: Clock): void {
  const authorities = ca ?? Buffer.from(rootCertificates.join('\n'));
  const credentials = { ca: authorities, ...(cert && { cert }), ...(key && { key }) };
  const objection = checkCredentials(credentials, new Date(clock.now()));
  if (objection === undefined) return;
  throw new MeshError(objection.code, `credentials in ${path}: ${objection.message}`, {
    cause: objection.cause,
    retryable: true,
  });
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MeshError('FILE_UNREADABLE', `read the credentials file ${path}`, { cause, retryable: true });
  }
}
