import { MeshError, isMeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** What to do, where the server's own words do not say it. */
  readonly advice?: string;
}

function rule(code: ErrorCode, pattern: RegExp, retryable: boolean, advice?: string): Rule {
  return { pattern, code, retryable, ...(advice === undefined ? {} : { advice }) };
}

/** First match wins. Errors inside scripts carry the same words further back (Redis 6) or in front (7). */
const rules: readonly Rule[] = [
  rule('KV_NO_SPACE', /OOM command not allowed/, true, 'raise maxmemory; its policy has to be noeviction'),
  rule('KV_NO_SPACE', /MISCONF/, true, 'its disk is full or not writable'),
  rule('KV_UNAUTHENTICATED', /WRONGPASS|NOAUTH|invalid password|without any password configured/, true),
  rule('KV_PERMISSION_DENIED', /NOPERM|ACL failure|user executing the script|no permissions/, true),
  rule('KV_UNAVAILABLE', /READONLY/, true, 'this is a replica: has another server become the primary?'),
  rule('KV_UNAVAILABLE', /LOADING|MASTERDOWN|NOREPLICAS|BUSY|TRYAGAIN|UNBLOCKED/, true),
  rule('KV_REFUSED', /MOVED|CROSSSLOT|CLUSTERDOWN/, false, 'Redis Cluster is not supported: one primary is needed'),
  rule('TLS_CLIENT_REJECTED', /alert.*(certificate|unknown ca|access denied|handshake failure)/i, true),
  rule('TLS_CERT_EXPIRED', /certificate has expired/, true),
  rule('TLS_NAME_MISMATCH', /does not match certificate's altnames/, true),
  rule('TLS_UNTRUSTED', /self[- ]signed certificate|unable to (verify|get)|signature failure/, true),
  rule('TLS_INVALID', /wrong version number|SSL routines|certificate is not yet valid|PEM/, true),
  rule('HOST_UNRESOLVED', /ENOTFOUND|EAI_AGAIN/, true),
  rule('HOST_UNREACHABLE', /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, true),
  rule('KV_UNAVAILABLE', /closed|ECONNRESET|EPIPE|timed out|writeable/i, true),
];

/** The one place where a Redis server's and ioredis's words are read. `attempted` says what was done to what. */
export function classifyRedis(error: unknown, attempted: string): MeshError {
  if (isMeshErrorOfOurs(error)) return error;
  const text = String((error as { message?: unknown } | undefined)?.message ?? error);
  const found = rules.find(({ pattern }) => pattern.test(text));
  const message = found?.advice === undefined ? attempted : `${attempted} (${found.advice})`;
  const { code, retryable } = found ?? { code: 'KV_REFUSED', retryable: false };
  return new MeshError(code, message, { retryable, cause: new Error(text) });
}

/** The server on this connection cannot serve us, or nobody knows what it did: only a new connection may. */
export function endsSession(error: unknown): boolean {
  const text = String((error as { message?: unknown }).message);
  return /READONLY|timed out|closed|NOAUTH/i.test(text);
}

/** A script is not known by its hash: its text has to be sent. */
export function isNoScript(error: unknown): boolean {
  return String((error as { message?: unknown }).message).startsWith('NOSCRIPT');
}

function isMeshErrorOfOurs(error: unknown): error is MeshError {
  return isMeshError(error) && error.name === 'MeshError';
}
