import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError, refuse } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';

import { readRemoteFile } from './remote-file.ts';
import type { KnownCertificates, RemoteFile } from './remote-file.ts';

const largestFile = 1024 * 1024;
const filesAtOnce = 16;

/** The remote clusters that a folder names now, by name; throws what reading the folder itself throws. */
export async function readClustersDir(path: string): Promise<RemoteFile[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const known: KnownCertificates = new Map();
  const files: (RemoteFile | undefined)[] = [];
  // A few at a time: they are read again and again, and nobody waits for them.
  for (let at = 0; at < names.length; at += filesAtOnce) {
    const some = names.slice(at, at + filesAtOnce);
    files.push(...(await Promise.all(some.map((name) => read(name, join(path, name), known)))));
  }
  return files.filter((file) => file !== undefined);
}

/** A cluster's file that is listed but cannot be read is shown as such; only one that is not listed is gone. */
async function read(name: string, path: string, known: KnownCertificates): Promise<RemoteFile | undefined> {
  try {
    const about = await stat(path);
    if (!about.isFile() || about.size > largestFile) return undefined;
    return await readRemoteFile(name, path, known);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || !clusterName(name).ok) return undefined;
    const reason = `${path} cannot be read: ${describeError(error)}`;
    return { name, hash: reason, certificates: '', config: refuse(reason) };
  }
}
