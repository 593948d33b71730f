import type { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import { describeCertificate, parseCertificates, probeEndpoint, readTlsFiles } from '@clustermesh/pki';
import type { TlsCredentials } from '@clustermesh/pki';
import { MeshError, hasCode } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { EtcdClientConfig } from './etcd-client-file.ts';

/**
 * The error that says best what is wrong with the connection to `remote`. Of a broken connection a gRPC client often
 * tells no more than that it broke, so the endpoints are dialled once by hand.
 */
export async function explainFailure(
  remote: EtcdClientConfig,
  error: unknown,
  deps: { readonly clock: Clock },
  signal: AbortSignal,
): Promise<unknown> {
  if (hasCode(error, 'KV_PERMISSION_DENIED', 'KV_UNAUTHENTICATED')) return refusedUser(remote, error);
  if (!isConnectionTrouble(error)) return error;
  const credentials = remote.tls === undefined ? undefined : await readTlsFiles(remote.tls);
  const lookup = aliasLookup(remote.hostAliases);
  let found: MeshError | undefined;
  for (const endpoint of remote.endpoints) {
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
  const advice = 'its common name must be an etcd user there, for other clusters with the role "remote"';
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
