import type { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import { describeCertificate, parseCertificates, probeEndpoint, readTlsFiles } from '@clustermesh/pki';
import type { TlsCredentials } from '@clustermesh/pki';
import { MeshError, hasCode } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { EtcdClientConfig } from './client-file.ts';

/**
 * The error that says best what is wrong with a connection. Of a broken connection a gRPC client often
 * tells no more than that it broke, so the endpoints are dialled once by hand.
 */
export async function explainEtcdFailure(
  config: EtcdClientConfig,
  error: unknown,
  deps: { readonly clock: Clock },
  signal: AbortSignal,
): Promise<unknown> {
  if (hasCode(error, 'KV_PERMISSION_DENIED', 'KV_UNAUTHENTICATED')) return refusedUser(config, error);
  if (!isConnectionTrouble(error)) return error;
  const credentials = config.tls === undefined ? undefined : await readTlsFiles(config.tls);
  const lookup = aliasLookup(config.hostAliases);
  let found: MeshError | undefined;
  for (const endpoint of config.endpoints) {
    found = await probeEndpoint({ endpoint, credentials, lookup }, deps, signal);
    if (found === undefined) return error; // one endpoint is enough, so the cause lies elsewhere
  }
  return found ?? error;
}

function isConnectionTrouble(error: unknown): boolean {
  return (
    hasCode(error, 'KV_UNAVAILABLE', 'TIMEOUT', 'HOST_UNRESOLVED', 'HOST_UNREACHABLE') ||
    hasCode(error, 'TLS_CERT_EXPIRED', 'TLS_UNTRUSTED', 'TLS_NAME_MISMATCH', 'TLS_CLIENT_REJECTED', 'TLS_INVALID')
  );
}

/** etcd takes a certificate's common name for the user and says only "permission denied". */
async function refusedUser({ endpoints, tls }: EtcdClientConfig, cause: unknown): Promise<MeshError> {
  const leaf = tls === undefined ? undefined : clientCertificate(await readTlsFiles(tls));
  const who = leaf === undefined ? 'clients without a certificate' : `the user of ${describeCertificate(leaf)}`;
  const advice = 'its common name must be an etcd user there, with a role that may read';
  const message = `${endpoints.join(', ')} gives no access to ${who}; ${advice}`;
  return new MeshError('KV_PERMISSION_DENIED', message, { cause, retryable: true });
}

function clientCertificate({ cert }: TlsCredentials): X509Certificate | undefined {
  return cert === undefined ? undefined : parseCertificates(cert)[0];
}

/** Host aliases first, then the system's resolver; undefined when there are no aliases. */
function aliasLookup(aliases: ReadonlyMap<string, readonly string[]>): LookupFunction | undefined {
  if (aliases.size === 0) return undefined;
  return (host, options, found) => {
    const addresses = aliases.get(host)?.map((address) => ({ address, family: isIP(address) }));
    if (addresses === undefined) lookup(host, options, found);
    else found(null, addresses);
  };
}
