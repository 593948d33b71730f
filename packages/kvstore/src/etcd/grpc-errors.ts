import { status } from '@grpc/grpc-js';
import { MeshError, isMeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** What to do about it, where etcd's words do not say. */
  readonly advice?: string;
}

function rule(code: ErrorCode, pattern: RegExp, retryable: boolean): Rule {
  return { pattern, code, retryable };
}

const spaceAdvice =
  'it takes deletions only until it is compacted and defragmented (etcdctl compact, etcdctl defrag) or has a larger ' +
  '--quota-backend-bytes, and `etcdctl alarm disarm` was run';

/** etcd's own texts (its api/v3rpc/rpctypes/error.go), first match wins: one gRPC status stands for many of them. */
const etcdRules: readonly Rule[] = [
  { ...rule('KV_NO_SPACE', /database space exceeded/, true), advice: spaceAdvice },
  rule('KV_TOO_LARGE', /request is too large|too many operations|message larger than max/i, false),
  rule('KV_COMPACTED', /required revision has been compacted/, true),
  // We only ask for revisions that we have seen: the store has lost them, so it is not the one that we knew.
  rule('KV_STORE_CHANGED', /required revision is a future revision/, true),
  rule('KV_LEASE_LOST', /requested lease not found/, true),
  // A change of users or roles came between; the same request passes at the new revision.
  rule('KV_UNAVAILABLE', /revision of auth store is old|auth revision/, true),
  rule('KV_PERMISSION_DENIED', /permission denied/i, false),
  rule('KV_UNAUTHENTICATED', /invalid auth token|authentication|user name (is empty|not found)/, false),
];

/** Texts of node:tls, OpenSSL and node:net in grpc-js's status details; it keeps no codes. */
const transportRules: readonly Rule[] = [
  rule('TLS_CLIENT_REJECTED', /alert.*(certificate|unknown ca|access denied|handshake failure)/i, true),
  rule('TLS_CERT_EXPIRED', /certificate has expired/, true),
  rule('TLS_NAME_MISMATCH', /does not match certificate's altnames/, true),
  rule('TLS_UNTRUSTED', /self[- ]signed certificate|unable to (verify|get)|signature failure/, true),
  rule('TLS_INVALID', /wrong version number|SSL routines|certificate is not yet valid|PEM/, true),
  rule('HOST_UNRESOLVED', /ENOTFOUND|EAI_AGAIN|Name resolution failed/, true),
  rule('HOST_UNREACHABLE', /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, true),
];

/** Contact was lost or never made: the same call may pass on another try. */
const transient: ReadonlySet<number> = new Set([
  ...[status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.ABORTED],
  ...[status.INTERNAL, status.UNKNOWN, status.RESOURCE_EXHAUSTED],
]);

/** The one place where gRPC statuses and texts are read. `attempted` says what was done to what. */
export function classify(error: unknown, attempted: string): MeshError {
  if (isMeshError(error)) return error;
  const { code = status.UNKNOWN, details = String(error) } = error as { code?: number; details?: string };
  const reason = plain(details);
  const found = etcdRules.find(({ pattern }) => pattern.test(reason)) ?? transportRule(code, reason);
  const { code: meshCode, retryable, advice }: Omit<Rule, 'pattern'> = found ?? byStatus(code);
  const text = advice === undefined ? reason : `${reason}; ${advice}`;
  return new MeshError(meshCode, attempted, { retryable, cause: new GrpcFailure(text, code) });
}

/** A watch's cancel reason is a status in words: "rpc error: code = PermissionDenied desc = …". */
export function classifyCancel(reason: string, attempted: string): MeshError {
  const details = reason === '' ? 'cancelled by the server' : reason.replace(/^rpc error: code = \w+ desc = /, '');
  return classify({ code: status.UNAVAILABLE, details }, attempted);
}

/** What is left of a gRPC error: its text without the number in front, and the number. */
class GrpcFailure extends Error {
  readonly status: number;
  constructor(reason: string, grpcStatus: number) {
    super(reason);
    this.name = 'GrpcFailure';
    this.status = grpcStatus;
  }
}

function transportRule(code: number, reason: string): Rule | undefined {
  if (!transient.has(code)) return undefined;
  return transportRules.find(({ pattern }) => pattern.test(reason));
}

function byStatus(code: number): { code: ErrorCode; retryable: boolean } {
  return transient.has(code) ? { code: 'KV_UNAVAILABLE', retryable: true } : { code: 'KV_REFUSED', retryable: false };
}

/** "No connection established. Last error: Error: connect ECONNREFUSED …. Resolution note: " → the middle. */
function plain(details: string): string {
  const last = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1];
  const text = last === undefined || last === 'null' ? details : last;
  return text.replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)/, '').trim();
}
