import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';

import { MeshError } from '@clustermesh/runtime';

import { describeCertificate, parseCertificates } from './certificate-text.ts';
import type { TlsCredentials } from './tls-files.ts';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyExtendedUsage = '2.5.29.37.0';

/**
 * Looks for what makes a connection fail whatever the peer says, because a peer only answers "bad certificate".
 * Undefined when there is nothing to object to.
 */
export function checkCredentials(credentials: TlsCredentials, now: Date): MeshError | undefined {
  const authorities = certificatesOf(credentials.ca);
  if (authorities === undefined || authorities.length === 0) {
    return new MeshError('TLS_INVALID', 'the trusted CA file holds no readable PEM certificate');
  }
  if (authorities.every((authority) => authority.validToDate < now)) {
    const text = authorities.map(describeCertificate).join('; ');
    return new MeshError('TLS_CERT_EXPIRED', `every CA in the trusted CA file has expired: ${text}`);
  }
  return checkClientCertificate(credentials, now);
}

function checkClientCertificate({ cert, key }: TlsCredentials, now: Date): MeshError | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const [given, missing] = cert === undefined ? ['key', 'certificate'] : ['certificate', 'key'];
    return new MeshError('TLS_INVALID', `there is a client ${given} but no client ${missing}`);
  }
  const [leaf, ...chain] = certificatesOf(cert) ?? [];
  if (leaf === undefined) {
    return new MeshError('TLS_INVALID', 'the client certificate file holds no readable PEM certificate');
  }
  return checkKey(leaf, chain, key) ?? checkPeriod(leaf, now) ?? checkUsage(leaf);
}

function checkPeriod(leaf: X509Certificate, now: Date): MeshError | undefined {
  if (leaf.validToDate < now) {
    return new MeshError('TLS_CERT_EXPIRED', `the client certificate has expired: ${describeCertificate(leaf)}`);
  }
  if (leaf.validFromDate > now) {
    const text = `the client certificate is not valid yet, or this clock is slow: ${describeCertificate(leaf)}`;
    return new MeshError('TLS_INVALID', text);
  }
  return undefined;
}

/** Servers, and we, take the first certificate of the file for the client's; its authorities follow. */
function checkKey(leaf: X509Certificate, chain: readonly X509Certificate[], pem: Buffer): MeshError | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    return new MeshError('TLS_INVALID', 'the client key file holds no readable PEM private key', { cause });
  }
  if (leaf.checkPrivateKey(key)) return undefined;
  const own = chain.find((certificate) => certificate.checkPrivateKey(key));
  if (own !== undefined) {
    const text = `the client certificate file must begin with the client's own certificate, ${describeCertificate(own)}`;
    return new MeshError('TLS_INVALID', `${text}, and begins with ${describeCertificate(leaf)}`);
  }
  return new MeshError('TLS_INVALID', `the client key does not belong to the certificate ${describeCertificate(leaf)}`);
}

function checkUsage(leaf: X509Certificate): MeshError | undefined {
  // Extended key usages; a certificate without any may be used for everything.
  const usages = leaf.keyUsage as readonly string[] | undefined;
  if (usages === undefined || usages.includes(clientAuth) || usages.includes(anyExtendedUsage)) return undefined;
  return new MeshError('TLS_INVALID', `the client certificate is not meant for clients: ${describeCertificate(leaf)}`);
}

function certificatesOf(pem: Buffer): X509Certificate[] | undefined {
  try {
    return parseCertificates(pem);
  } catch {
    return undefined; // the caller says which file it was
  }
}
