import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

import type { TlsPaths } from '@clustermesh/pki';
import { describeError, ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

/** How to reach one etcd: what the YAML file of Go's etcd client says (protocol.md §6.7), paths made absolute. */
export interface EtcdClientConfig {
  /** `https://host:port`, at least one; all with TLS or all without. */
  readonly endpoints: readonly string[];
  /** Undefined only with `insecure-transport: true`. */
  readonly tls: TlsPaths | undefined;
  /** Addresses by host name, instead of DNS. */
  readonly hostAliases: ReadonlyMap<string, readonly string[]>;
}

const path = z.string().min(1);
const passwordField = z
  .never('passwords are not supported: the user is the common name of the client certificate')
  .optional();
// Fields that nobody here knows are ignored, as Cilium does: a newer peer may write more.
const fileSchema = z.object({
  endpoints: z.array(z.string()).min(1),
  'trusted-ca-file': path.optional(),
  'ca-file': path.optional(),
  'cert-file': path.optional(),
  'key-file': path.optional(),
  'insecure-transport': z.boolean().default(false),
  'insecure-skip-tls-verify': z
    .literal(false, 'true is refused: a mesh talks only to servers its CA signed')
    .optional(),
  username: passwordField,
  password: passwordField,
  'cilium-host-aliases': z
    .array(z.object({ hostname: z.string().min(1), ips: z.array(z.string()).min(1) }))
    .default([]),
});
type EtcdClientFile = z.output<typeof fileSchema>;

/** Reads the text of the file at `filePath`; relative paths in it are relative to its folder. */
export function parseEtcdClientFile(text: string, filePath: string): Result<EtcdClientConfig> {
  const content = parseYamlText(text);
  if (!content.ok) return refuse(`${filePath} is not valid YAML: ${content.reason}`);
  const parsed = fileSchema.safeParse(content.value);
  if (!parsed.success) return refuse(`${filePath}: ${parsed.error.issues.map(explainIssue).join('; ')}`);
  const file = parsed.data;
  const problem = checkEndpoints(file) ?? checkTlsFiles(file) ?? checkAliases(file);
  return problem === undefined ? ok(clientConfig(file, dirname(filePath))) : refuse(`${filePath}: ${problem}`);
}

function parseYamlText(text: string): Result<unknown> {
  try {
    return ok(parse(text) as unknown);
  } catch (error) {
    return refuse(describeError(error).split(':\n')[0] ?? '');
  }
}

function explainIssue(issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.');
  return field === '' ? 'must be a mapping with the field endpoints' : `${field}: ${issue.message}`;
}

function checkEndpoints(file: EtcdClientFile): string | undefined {
  const wanted = file['insecure-transport'] ? 'http:' : 'https:';
  for (const endpoint of file.endpoints) {
    const url = URL.parse(endpoint);
    if (url === null || url.hostname === '' || !/^https?:\/\/[^/]+:\d+\/?$/.test(endpoint)) {
      return `endpoints: "${endpoint}" is not of the form https://host:port`;
    }
    if (url.protocol !== wanted) return `endpoints: "${endpoint}" must begin with ${wanted}//`;
  }
  return undefined;
}

function checkTlsFiles(file: EtcdClientFile): string | undefined {
  if (file['insecure-transport']) return undefined;
  const has = (field: 'trusted-ca-file' | 'ca-file' | 'cert-file' | 'key-file'): boolean => file[field] !== undefined;
  if (!has('trusted-ca-file') && !has('ca-file'))
    return 'trusted-ca-file: is missing, and nothing else tells whom to trust';
  if (has('cert-file') && !has('key-file')) return 'key-file: is missing, but there is a cert-file';
  if (has('key-file') && !has('cert-file')) return 'cert-file: is missing, but there is a key-file';
  return undefined;
}

function checkAliases(file: EtcdClientFile): string | undefined {
  const seen = new Set<string>();
  for (const { hostname, ips } of file['cilium-host-aliases']) {
    if (seen.has(hostname)) return `cilium-host-aliases: ${hostname} appears twice`;
    seen.add(hostname);
    const wrong = ips.find((ip) => isIP(ip) === 0);
    if (wrong !== undefined) return `cilium-host-aliases: "${wrong}" of ${hostname} is not an IP address`;
  }
  return undefined;
}

function clientConfig(file: EtcdClientFile, folder: string): EtcdClientConfig {
  const absolute = (name: string | undefined): string | undefined => name && resolve(folder, name);
  const ca = absolute(file['trusted-ca-file'] ?? file['ca-file']);
  return {
    endpoints: file.endpoints.map((endpoint) => endpoint.replace(/\/$/, '')),
    tls: ca === undefined ? undefined : { ca, cert: absolute(file['cert-file']), key: absolute(file['key-file']) },
    hostAliases: new Map(file['cilium-host-aliases'].map(({ hostname, ips }) => [hostname, ips])),
  };
}
