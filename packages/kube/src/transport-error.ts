import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

/** Classifies a failure of DNS, TCP or TLS, once, at the edge. All are retryable: files and routes get repaired. */
export function transportError(attempted: string, error: unknown): MeshError {
  return new MeshError(codeOf(error), attempted, { cause: error, retryable: true });
}

function codeOf(error: unknown): ErrorCode {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_SSL_')) return code.includes('ALERT') ? 'TLS_CLIENT_REJECTED' : 'TLS_INVALID';
  return meshCodeByNodeCode[code] ?? 'KUBE_UNAVAILABLE';
}

/** Node's system error codes and OpenSSL's verification codes as node:tls names them. */
const meshCodeByNodeCode: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'HOST_UNRESOLVED',
  EAI_AGAIN: 'HOST_UNRESOLVED',
  EHOSTUNREACH: 'HOST_UNREACHABLE',
  ENETUNREACH: 'HOST_UNREACHABLE',
  ETIMEDOUT: 'HOST_UNREACHABLE',
  CERT_HAS_EXPIRED: 'TLS_CERT_EXPIRED',
  CERT_NOT_YET_VALID: 'TLS_CERT_EXPIRED',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS_UNTRUSTED',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS_UNTRUSTED',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS_UNTRUSTED',
  CERT_SIGNATURE_FAILURE: 'TLS_UNTRUSTED',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS_NAME_MISMATCH',
};
