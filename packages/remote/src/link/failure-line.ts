import { describeError, hasCode, isMeshError } from '@clustermesh/runtime';

/**
 * What status shows of a failure: one line. Explained failures are whole sentences, to which their causes, the words
 * of OpenSSL or etcd, would only add noise; of the others the causes are the better half.
 */
export function failureLine(error: unknown): string {
  const line = isMeshError(error) && isExplained(error) ? error.message : describeError(error);
  return line.replace(/\s+/g, ' ');
}

function isExplained(error: unknown): boolean {
  return (
    hasCode(error, 'TLS_CERT_EXPIRED', 'TLS_UNTRUSTED', 'TLS_NAME_MISMATCH', 'TLS_CLIENT_REJECTED', 'TLS_INVALID') ||
    hasCode(error, 'HOST_UNRESOLVED', 'HOST_UNREACHABLE', 'FILE_UNREADABLE', 'KV_PERMISSION_DENIED') ||
    hasCode(error, 'CLUSTER_CONFIG_MISSING', 'CLUSTER_CONFIG_INVALID', 'CLUSTER_ID_CONFLICT')
  );
}
