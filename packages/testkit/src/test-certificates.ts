import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface LeafOptions {
  readonly commonName: string;
  /** As openssl writes them: `IP:127.0.0.1`, `DNS:localhost`. */
  readonly altNames?: readonly string[];
  /** Negative: expired already. */
  readonly days?: number;
}

/** A CA of a test, made by the openssl command so that it does not depend on the code under test. */
export class TestCa {
  readonly #dir: string;
  readonly #files: CertificateFiles;
  #serial = 0;

  private constructor(dir: string, files: CertificateFiles) {
    this.#dir = dir;
    this.#files = files;
  }

  get cert(): Buffer {
    return this.#files.cert;
  }

  get certFile(): string {
    return this.#files.certFile;
  }

  /** Writes into `dir`, which the caller owns. */
  static async create(dir: string, commonName = 'Test CA'): Promise<TestCa> {
    const base = join(dir, commonName.replaceAll(' ', '-').toLowerCase());
    await openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', `/CN=${commonName}`, '-keyout', `${base}.key`, '-out', `${base}.crt`],
    );
    return new TestCa(dir, await files(base));
  }

  /** A certificate for both ends of TLS; its common name is an etcd user's name. */
  async issue({ commonName, altNames = [], days = 30 }: LeafOptions): Promise<CertificateFiles> {
    const base = join(this.#dir, `leaf-${this.#serial++}-${commonName}`);
    const extensions = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'];
    if (altNames.length > 0) extensions.push(`subjectAltName=${altNames.join(',')}`);
    await writeFile(`${base}.ext`, extensions.join('\n'));
    await openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${commonName}`],
      ...['-keyout', `${base}.key`, '-out', `${base}.csr`],
    );
    await openssl(
      ...['x509', '-req', '-in', `${base}.csr`, '-CA', this.#files.certFile, '-CAkey', this.#files.keyFile],
      ...['-days', String(days), '-set_serial', String(this.#serial), '-extfile', `${base}.ext`, '-out', `${base}.crt`],
    );
    return files(base);
  }
}

async function files(base: string): Promise<CertificateFiles> {
  const [certFile, keyFile] = [`${base}.crt`, `${base}.key`];
  return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
}

async function openssl(...args: readonly string[]): Promise<void> {
  await run('openssl', args);
}
