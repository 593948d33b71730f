import { isDeepStrictEqual } from 'node:util';

import { checkCredentials, describeCertificate, parseCertificates, readTlsFiles } from '@clustermesh/pki';
import type { TlsCredentials, TlsPaths } from '@clustermesh/pki';
import { describeError } from '@clustermesh/runtime';
import type { Clock, Logger } from '@clustermesh/runtime';

export interface TlsSourceDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The certificates of an etcd client as its files have them. A pair that is half written, or no longer good, takes nobody
 * away who connects with the former one: that one stays until the files are whole again.
 */
export class TlsSource {
  readonly #paths: TlsPaths;
  readonly #deps: TlsSourceDeps;
  #latest: TlsCredentials;
  #objection: string | undefined;

  private constructor(paths: TlsPaths, deps: TlsSourceDeps, first: TlsCredentials) {
    this.#paths = paths;
    this.#deps = deps;
    this.#latest = first;
  }

  /** @throws MeshError saying what is wrong with the files: FILE_UNREADABLE, TLS_INVALID or TLS_CERT_EXPIRED. */
  static async open(paths: TlsPaths, deps: TlsSourceDeps): Promise<TlsSource> {
    return new TlsSource(paths, deps, await readChecked(paths, deps.clock));
  }

  /** Those that were whole last. */
  get latest(): TlsCredentials {
    return this.#latest;
  }

  /** Looks at the files again. Never throws: what is wrong with them is logged, once. */
  async read(): Promise<TlsCredentials> {
    try {
      this.#take(await readChecked(this.#paths, this.#deps.clock));
    } catch (error) {
      const reason = describeError(error);
      if (reason !== this.#objection)
        this.#deps.log.warn({ reason }, 'renewed certificates not usable, former ones stay');
      this.#objection = reason;
    }
    return this.#latest;
  }

  #take(found: TlsCredentials): void {
    this.#objection = undefined;
    if (isDeepStrictEqual(found, this.#latest)) return;
    this.#latest = found;
    const [leaf] = found.cert === undefined ? [] : parseCertificates(found.cert);
    this.#deps.log.info({ certificate: leaf && describeCertificate(leaf) }, 'renewed certificates taken');
  }
}

async function readChecked(paths: TlsPaths, clock: Clock): Promise<TlsCredentials> {
  const credentials = await readTlsFiles(paths);
  const objection = checkCredentials(credentials, new Date(clock.now()));
  if (objection !== undefined) throw objection;
  return credentials;
}
