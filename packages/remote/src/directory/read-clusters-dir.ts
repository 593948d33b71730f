import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError, refuse } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';

import { readRemoteFile } from './remote-file.ts';
import type { RemoteFile } from './remote-file.ts';

const largestFile = 1024 * 1024;

/** The remote clusters that a folder names now, by name; throws what reading the folder itself throws. */
export async function readClustersDir(path: string): Promise<RemoteFile[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const files = await Promise.all(names.map((name) => read(name, join(path, name))));
  return files.filter((file) => file !== undefined);
}

/** A cluster's file that is listed but cannot be read is shown as such; only one that is not listed is gone. */
async function read(name: string, path: string): Promise<RemoteFile | undefined> {
  try {
    const about = await stat(path);
    if (!about.isFile() || about.size > largestFile) return undefined;
    return await readRemoteFile(name, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || !clusterName(name).ok) return undefined;
    const reason = `${path} cannot be read: ${describeError(error)}`;
    return { name, hash: reason, certificates: '', config: refuse(reason) };
  }
}
