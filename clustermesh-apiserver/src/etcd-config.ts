import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

import type { TlsPaths } from '@clustermesh/pki';
import { MeshError } from '@clustermesh/runtime';

/** How to reach this cluster's own etcd. */
export interface EtcdConfig {
  readonly endpoints: readonly string[];
  /** Undefined: without TLS. */
  readonly tls: TlsPaths | undefined;
}

/** The part of Go's etcd client file that concerns a local etcd (protocol.md §6.7). */
const schema = z.object({
  endpoints: z.array(z.string()).min(1),
  'trusted-ca-file': z.string().optional(),
  'cert-file': z.string().optional(),
  'key-file': z.string().optional(),
});

/** Paths in the file are relative to its folder. Throws CONFIG_INVALID. */
export async function readEtcdConfig(path: string): Promise<EtcdConfig> {
  const parsed = schema.safeParse(await readYaml(path));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new MeshError('CONFIG_INVALID', `read the etcd configuration ${path}: ${problems.join('; ')}`);
  }
  const { endpoints, 'trusted-ca-file': ca, 'cert-file': cert, 'key-file': key } = parsed.data;
  const absolute = (name: string): string => resolve(dirname(path), name);
  if (ca === undefined) return { endpoints, tls: undefined };
  return { endpoints, tls: { ca: absolute(ca), cert: cert && absolute(cert), key: key && absolute(key) } };
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `read the etcd configuration ${path}`, { cause: error });
  }
}
