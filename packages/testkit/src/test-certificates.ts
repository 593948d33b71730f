import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
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
  /** Instead of `/CN=<commonName>`, as openssl writes it: `/O=mesh/CN=remote`, or `/` for no name at all. */
  readonly subject?: string;
  /** What it may be used for; both by default. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[];
}

/** A CA of a test, made by the openssl command so that it does not depend on the code under test. */
export class TestCa {
  readonly #dir: string;
  readonly #files: CertificateFiles;
  /** Of an intermediate: what its leaves' certificates are followed by, up to but without the root. */
  readonly #chain: Buffer;

  private constructor(dir: string, files: CertificateFiles, chain: Buffer = Buffer.alloc(0)) {
    this.#dir = dir;
    this.#files = files;
    this.#chain = chain;
  }

  get cert(): Buffer {
    return this.#files.cert;
  }

  get certFile(): string {
    return this.#files.certFile;
  }

  /** Its own, for code under test that signs. */
  get key(): Buffer {
    return this.#files.key;
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

  /** An authority that this one signed. What it issues is a chain: the leaf, then this certificate. */
  async intermediate(commonName: string): Promise<TestCa> {
    const base = join(this.#dir, commonName.replaceAll(' ', '-').toLowerCase());
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
    await this.#sign(base, { subject: `/CN=${commonName}`, extensions, days: 30 });
    const made = await files(base);
    return new TestCa(this.#dir, made, Buffer.concat([made.cert, this.#chain]));
  }

  /** A certificate, by default for both ends of TLS; its common name is an etcd user's name. */
  async issue(leaf: LeafOptions): Promise<CertificateFiles> {
    const { commonName, altNames = [], days = 30, subject = `/CN=${commonName}` } = leaf;
    const { usages = ['serverAuth', 'clientAuth'] } = leaf;
    const base = join(this.#dir, `leaf-${randomSerial()}-${commonName}`);
    const extensions = ['basicConstraints=CA:FALSE', `extendedKeyUsage=${usages.join(',')}`];
    if (altNames.length > 0) extensions.push(`subjectAltName=${altNames.join(',')}`);
    await this.#sign(base, { subject, extensions, days });
    if (this.#chain.length > 0) await appendFile(`${base}.crt`, this.#chain);
    return files(base);
  }

  async #sign(
    base: string,
    { subject, extensions, days }: { readonly subject: string; extensions: readonly string[]; days: number },
  ): Promise<void> {
    await writeFile(`${base}.ext`, extensions.join('\n'));
    await openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', subject],
      ...['-keyout', `${base}.key`, '-out', `${base}.csr`],
    );
    await openssl(
      ...['x509', '-req', '-in', `${base}.csr`, '-CA', this.#files.certFile, '-CAkey', this.#files.keyFile],
      ...['-days', String(days), '-set_serial', randomSerial(), '-extfile', `${base}.ext`, '-out', `${base}.crt`],
    );
  }
}

/** Two authorities may share a folder, and one that is made again its name. */
function randomSerial(): string {
  return String(randomInt(1, 2 ** 40));
}

async function files(base: string): Promise<CertificateFiles> {
  const [certFile, keyFile] = [`${base}.crt`, `${base}.key`];
  return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
}

async function openssl(...args: readonly string[]): Promise<void> {
  await run('openssl', args);
}
