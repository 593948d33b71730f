import { readFile } from 'node:fs/promises';

import { MeshError } from '@clustermesh/runtime';

/** Paths of PEM files. A client certificate is a `cert` and its `key`, both or neither. */
export interface TlsPaths {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What the files held, PEM. */
export interface TlsCredentials {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Reads the files as they are now; whoever wants rotation to work reads them again before each connection. */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsCredentials> {
  const { ca, cert, key } = paths;
  return {
    ca: await readCredential('trusted CA file', ca),
    ...(cert === undefined ? {} : { cert: await readCredential('client certificate file', cert) }),
    ...(key === undefined ? {} : { key: await readCredential('client key file', key) }),
  };
}

/** @throws MeshError FILE_UNREADABLE, retryable: Secrets are mounted optional and may come later. */
async function readCredential(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const message = `the ${what} ${path} ${unreadable((cause as NodeJS.ErrnoException).code)}`;
    throw new MeshError('FILE_UNREADABLE', message, { cause, retryable: true });
  }
}

function unreadable(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'EISDIR':
      return 'is a directory';
    default:
      return `cannot be read (${code ?? 'unknown error'})`;
  }
}
