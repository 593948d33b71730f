import { access, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { readEtcdClientFile } from '@clustermesh/kvstore';
import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { readClustersDir, readRemoteFile } from '@clustermesh/remote';
import type { RemoteFile } from '@clustermesh/remote';
import { MeshError, describeError, ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';

import type { Target } from './observation.ts';

/** The remote clusters of kvstoremesh's folder, or the one of a file. */
export async function remoteTargets(path: string): Promise<readonly Target[]> {
  try {
    if ((await stat(path)).isDirectory()) {
      return (await readClustersDir(path)).map((file) => remoteTarget(file, join(path, file.name)));
    }
    const file = await readRemoteFile(basename(path), path);
    if (file !== undefined) return [remoteTarget(file, path)];
  } catch (cause) {
    const advice = 'run it where kvstoremesh runs, or name the folder of remote clusters (--help)';
    throw new MeshError('FILE_UNREADABLE', `read the remote clusters of ${path}: ${advice}`, { cause });
  }
  throw new MeshError('CONFIG_INVALID', `${path} is no etcd client file: it names no endpoints`);
}

function remoteTarget({ name, config }: RemoteFile, path: string): Target {
  const named = clusterName(name);
  return { cluster: named.ok ? named.value : undefined, name, isOwn: false, path, config };
}

/** Undefined when no file was asked for and none is at the usual places. */
export async function ownTarget(
  path: string | undefined,
  usual: readonly string[],
  name: string | undefined,
): Promise<Target | undefined> {
  const found = path ?? (await firstOf(usual));
  if (found === undefined) return undefined;
  const cluster = name === undefined ? undefined : clusterName(name);
  if (cluster?.ok === false) throw new MeshError('CONFIG_INVALID', `--cluster-name: ${cluster.reason}`);
  const config = await readOwn(found);
  return { cluster: cluster?.value, name: name ?? 'this cluster', isOwn: true, path: found, config };
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

async function readOwn(path: string): Promise<Result<EtcdClientConfig>> {
  try {
    return ok(await readEtcdClientFile(path));
  } catch (error) {
    return refuse(describeError(error));
  }
}
