import type { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { describeCertificate, inspectEndpoint } from '@clustermesh/pki';
import type { TlsCredentials } from '@clustermesh/pki';
import { MeshError } from '@clustermesh/runtime';

import { attempt } from './attempt.ts';
import type { Patience } from './attempt.ts';
import type { AddressObservation, CertificateView, EndpointObservation } from './observation.ts';

/** A name may have many addresses; a few tell whether it works. */
const mostAddresses = 8;

export interface Dialling extends Patience {
  readonly aliases: EtcdClientConfig['hostAliases'];
  /** Undefined: none are needed, or ours are of no use, and only TCP is tried. */
  readonly credentials: TlsCredentials | undefined;
}

/** Resolves the host of an endpoint and dials each of its addresses, as a client of etcd would. */
export async function observeEndpoint(
  url: string,
  dialling: Dialling,
  signal: AbortSignal,
): Promise<EndpointObservation> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const aliases = dialling.aliases.get(host);
  const resolved = await attempt(`resolve ${host}`, () => addressesOf(host, aliases), dialling, signal);
  const about = { url, host, isAliased: aliases !== undefined };
  if (!resolved.ok) return { ...about, addresses: resolved };
  const tried = resolved.value.slice(0, mostAddresses);
  const value = await Promise.all(tried.map((address) => dial(url, address, dialling, signal)));
  return { ...about, addresses: { ok: true, value } };
}

async function addressesOf(host: string, aliases: readonly string[] | undefined): Promise<readonly string[]> {
  if (aliases !== undefined) return aliases;
  if (isIP(host) !== 0) return [host];
  try {
    return [...new Set((await lookup(host, { all: true })).map(({ address }) => address))];
  } catch (cause) {
    throw new MeshError('HOST_UNRESOLVED', `the host name ${host} cannot be resolved`, { cause });
  }
}

async function dial(
  url: string,
  address: string,
  { credentials, clock, timeoutMs }: Dialling,
  signal: AbortSignal,
): Promise<AddressObservation> {
  const toAddress: LookupFunction = (_host, _options, found) => found(null, [{ address, family: isIP(address) }]);
  const target = { endpoint: url, credentials, lookup: toAddress, timeoutMs };
  const { isReached, tls, failure } = await inspectEndpoint(target, { clock }, signal);
  const isTls = url.startsWith('https:');
  if (isTls && credentials === undefined && isReached) return { address, isReached };
  // Explained failures are whole sentences, to which their causes, the words of OpenSSL, would only add noise.
  return {
    address,
    isReached,
    ...(tls && { tls: { protocol: tls.protocol, cipher: tls.cipher, server: tls.peer && certificateView(tls.peer) } }),
    ...(failure && { failure: { code: failure.code, problem: failure.message } }),
  };
}

export function certificateView(certificate: X509Certificate): CertificateView {
  return { text: describeCertificate(certificate), validToMs: certificate.validToDate.getTime() };
}
