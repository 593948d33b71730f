import type { X509Certificate } from 'node:crypto';

import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

import { describeCertificate, nameLine, parseCertificates } from './certificate-text.ts';
import type { TlsCredentials } from './tls-files.ts';

/** What is known about the connection that failed; the more, the clearer the sentence. */
export interface TlsContext {
  /** `https://east.mesh.cilium.io:2379`. */
  readonly endpoint: string;
  readonly serverName?: string;
  /** The certificate that the server presented. */
  readonly peer?: X509Certificate;
  readonly credentials?: TlsCredentials;
}

type Failure =
  | 'server-expired'
  | 'server-not-yet-valid'
  | 'server-name'
  | 'server-purpose'
  | 'server-untrusted'
  | 'client-rejected'
  | 'not-tls'
  | 'broken';

/**
 * Codes and texts of node:tls and OpenSSL, first match wins. Texts too, because gRPC clients keep nothing but the
 * text. An alert comes from the peer: all that a server objects to in a client is its certificate or the lack of one.
 */
const failures: readonly (readonly [RegExp, Failure])[] = [
  [/alert[ _](bad|no|unknown|unsupported)[ _](certificate|ca)\b/i, 'client-rejected'],
  [/alert[ _]certificate[ _](required|expired|unknown|revoked|unobtainable)/i, 'client-rejected'],
  [/alert[ _](access[ _]denied|handshake[ _]failure|decrypt[ _]error)/i, 'client-rejected'],
  [/CERT_HAS_EXPIRED|certificate has expired/i, 'server-expired'],
  [/CERT_NOT_YET_VALID|certificate is not yet valid/i, 'server-not-yet-valid'],
  [/ALTNAME_INVALID|HOSTNAME_MISMATCH|does not match certificate's altnames/i, 'server-name'],
  [/INVALID_PURPOSE|unsuitable certificate purpose/i, 'server-purpose'],
  [/SELF_SIGNED_CERT|self[- ]signed certificate/i, 'server-untrusted'],
  [/UNABLE_TO_(VERIFY_LEAF|GET_ISSUER|DECRYPT_CERT|DECODE_ISSUER)/, 'server-untrusted'],
  [/unable to (verify the first certificate|get (local )?issuer certificate)/i, 'server-untrusted'],
  [
    /CERT_(UNTRUSTED|REJECTED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_CA|certificate signature failure/i,
    'server-untrusted',
  ],
  [/WRONG_VERSION_NUMBER|wrong version number|packet length too long|http request/i, 'not-tls'],
  [/ERR_(SSL|OSSL|TLS)_|SSL routines|PEM routines/, 'broken'],
];

const codes: Readonly<Record<Failure, ErrorCode>> = {
  'server-expired': 'TLS_CERT_EXPIRED',
  'server-not-yet-valid': 'TLS_INVALID',
  'server-name': 'TLS_NAME_MISMATCH',
  'server-purpose': 'TLS_INVALID',
  'server-untrusted': 'TLS_UNTRUSTED',
  'client-rejected': 'TLS_CLIENT_REJECTED',
  'not-tls': 'TLS_INVALID',
  broken: 'TLS_INVALID',
};

/** Turns a failure of node:tls, or of a gRPC client above it, into one sentence; undefined when TLS is not the cause. */
export function explainTls(error: unknown, context: TlsContext): MeshError | undefined {
  const text = allText(error);
  const failure = failures.find(([pattern]) => pattern.test(text))?.[1];
  if (failure === undefined) return undefined;
  return new MeshError(codes[failure], sentence(failure, context), { cause: error, retryable: true });
}

function sentence(failure: Failure, context: TlsContext): string {
  const { endpoint, peer } = context;
  const server = `the server certificate of ${endpoint}`;
  const shown = peer === undefined ? '' : `: ${describeCertificate(peer)}`;
  switch (failure) {
    case 'server-expired':
      return `${server} has expired${shown}; it must be renewed there`;
    case 'server-not-yet-valid':
      return `${server} is not valid yet, or this clock is slow${shown}`;
    case 'server-name':
      return `${server} is for other names than ${context.serverName ?? 'the one dialled'}${namesOf(peer)}`;
    case 'server-purpose':
      return `${server} is not meant for servers${shown}`;
    case 'server-untrusted':
      return `${server} is not signed by a CA of the trusted CA file${shown}; ${trustedBy(context)}`;
    case 'client-rejected':
      return rejection(context);
    case 'not-tls':
      return `${endpoint} does not speak TLS`;
    case 'broken':
      return `the TLS handshake with ${endpoint} failed`;
  }
}

function namesOf(peer: X509Certificate | undefined): string {
  if (peer === undefined) return '';
  return `: ${nameLine(peer.subject)} is for ${peer.subjectAltName ?? 'no name at all'}`;
}

function trustedBy({ credentials, peer }: TlsContext): string {
  const subjects = credentials === undefined ? [] : parseCertificates(credentials.ca).map(({ subject }) => subject);
  if (subjects.length === 0) return 'the CA that signed it must be added';
  const trusted = `trusted: ${[...new Set(subjects)].map(nameLine).join('; ')}`;
  if (peer === undefined || peer.issuer === peer.subject) return trusted;
  if (subjects.includes(peer.issuer)) return `${trusted}, which has the same name but another key`;
  return `${trusted}; where ${nameLine(peer.issuer)} is an intermediate authority, the server must send its certificate, too`;
}

function rejection({ endpoint, credentials }: TlsContext): string {
  const leaf = credentials?.cert === undefined ? undefined : parseCertificates(credentials.cert)[0];
  if (leaf === undefined) return `${endpoint} refuses clients without a certificate`;
  const refused = `${endpoint} refuses the client certificate ${describeCertificate(leaf)}`;
  return `${refused}; it must trust the CA that signed it${lackOfChain(credentials, leaf)}`;
}

/** Of a leaf alone, whose authority is not one that we trust ourselves. */
function lackOfChain(credentials: TlsCredentials | undefined, leaf: X509Certificate): string {
  const others = [credentials?.cert, credentials?.ca].flatMap((pem) =>
    pem === undefined ? [] : parseCertificates(pem),
  );
  if (leaf.issuer === leaf.subject || others.some(({ subject }) => subject === leaf.issuer)) return '';
  return `; where that is an intermediate authority, its certificate must follow in the client certificate file`;
}

/** Codes, messages and gRPC details of the error and its causes. */
function allText(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    const { code, message, details, cause } = current as Record<string, unknown>;
    for (const part of [code, message, details]) if (typeof part === 'string') parts.push(part);
    current = cause;
  }
  if (typeof current === 'string') parts.push(current);
  return parts.join(' ');
}
