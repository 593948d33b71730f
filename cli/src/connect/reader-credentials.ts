import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { issueCertificate, parseCertificates } from '@clustermesh/pki';
import type { KeyPair } from '@clustermesh/pki';
import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { AccessInfo } from './access-info.ts';
import { commonNameOf, readerUser } from './auth-mode.ts';

/** PEM. */
export interface ReaderCredentials {
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The certificate that the reader has for all others, mounted beside the files of its links, and renewed there. */
export const ownCredentials = 'own';

/** As Cilium's certificates: three years of 365 days. */
const validDays = 1095;
/** What has less than this left is issued anew. */
const renewBeforeMs = 365 * 24 * 3_600_000;

/**
 * What `reader` comes to `remote` with. Mode `cluster` wants a certificate of its own name: the reader's, where both have one
 * authority, else one of the remote's authority; `before`, which it has already, is kept while it is good for long.
 */
export async function readerCredentials(
  reader: AccessInfo,
  remote: AccessInfo,
  before: ReaderCredentials | undefined,
  clock: Clock,
): Promise<ReaderCredentials | typeof ownCredentials> {
  if (remote.authMode !== 'cluster') return remote;
  const user = readerUser(reader.clusterName);
  const isTaken = ({ clientCert }: ReaderCredentials): boolean =>
    commonNameOf(clientCert) === user && isTrusted(clientCert, remote.caCert);
  if (isTaken(reader)) return ownCredentials;
  if (before !== undefined && isTaken(before) && isLongValid(before, clock)) return before;
  const authority = authorityOf(remote);
  if (authority === undefined) throw cannotIssue(user, remote.context);
  const request = { commonName: user, usages: ['client'], days: validDays, clock } as const;
  const { certPem, keyPem } = await issueCertificate(authority, request);
  return { clientCert: certPem, clientKey: keyPem };
}

/** Of the authorities that the remote trusts, the one whose key we have. */
function authorityOf({ context, caCert, authorityKey }: AccessInfo): KeyPair | undefined {
  if (authorityKey === undefined) return undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey(authorityKey);
  } catch (cause) {
    throw new MeshError('CONFIG_INVALID', `ca.key of the Secret cilium-ca of ${context} is no PEM private key`, {
      cause,
    });
  }
  const certificate = parseCertificates(caCert).find((one) => one.checkPrivateKey(key));
  return certificate && { certPem: certificate.toString(), keyPem: authorityKey };
}

/** Signed by one of the authorities, itself or one that follows it in its chain. */
function isTrusted(chain: string, authorities: string): boolean {
  const trusted = parseCertificates(authorities);
  return parseCertificates(chain).some((certificate) =>
    trusted.some(({ publicKey, subject }) => certificate.issuer === subject && certificate.verify(publicKey)),
  );
}

function isLongValid({ clientCert }: ReaderCredentials, clock: Clock): boolean {
  const [leaf] = parseCertificates(clientCert);
  return leaf !== undefined && leaf.validToDate.getTime() - clock.now() > renewBeforeMs;
}

function cannotIssue(user: string, context: string): MeshError {
  return new MeshError(
    'CONFIG_INVALID',
    `${context} wants a certificate of its own authority for ${user}, and the authority's key is not in its Secret ` +
      `cilium-ca: have one issued, and put it into the Secret clustermesh-kvstoremesh of the reader (docs/access.md)`,
  );
}
