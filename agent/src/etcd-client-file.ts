import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { EtcdOptions } from '@clustermesh/kvstore';
import { checkCredentials, readTlsFiles } from '@clustermesh/pki';
import { MeshError } from '@clustermesh/runtime';
import { parse } from 'yaml';
import { z } from 'zod';

/** The part of Go's etcd client file that concerns a local etcd (protocol.md §6.7). */
const fileSchema = z.object({
  endpoints: z.array(z.string()).min(1),
  'trusted-ca-file': z.string().optional(),
  'cert-file': z.string().optional(),
  'key-file': z.string().optional(),
});

/** How to reach the local etcd as a reader, with its certificates as they are now. Paths are relative to the file. */
export async function readEtcdClientFile(path: string, nowMs: number): Promise<EtcdOptions> {
  const file = fileSchema.safeParse(await readYaml(path));
  if (!file.success) {
    const problems = file.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new MeshError('CONFIG_INVALID', `read the etcd client file ${path}: ${problems.join('; ')}`);
  }
  const { endpoints, 'trusted-ca-file': ca, 'cert-file': cert, 'key-file': key } = file.data;
  const absolute = (name: string): string => resolve(dirname(path), name);
  if (ca === undefined) return { endpoints, session: false };
  const tls = await readTlsFiles({ ca: absolute(ca), cert: cert && absolute(cert), key: key && absolute(key) });
  const objection = checkCredentials(tls, new Date(nowMs));
  if (objection !== undefined) throw objection;
  return { endpoints, tls, session: false };
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8')) as unknown;
  } catch (cause) {
    throw new MeshError('FILE_UNREADABLE', `read the etcd client file ${path}`, { cause, retryable: true });
  }
}
