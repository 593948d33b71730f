/**
 * Stable error codes: what a caller may branch on and what docs/errors.md explains.
 * A code is added, never renamed or reused.
 */
export const errorCodes = [
  'CONFIG_INVALID',
  'FILE_UNREADABLE',
  'KV_UNAVAILABLE',
  'KV_COMPACTED',
  'KV_PERMISSION_DENIED',
  'KV_UNAUTHENTICATED',
  'KV_TOO_LARGE',
  'KV_NO_SPACE',
  'KV_LEASE_LOST',
  'KV_STORE_CHANGED',
  'KV_REFUSED',
  'KV_OTHER_PUBLISHER',
  'KV_OTHER_OWNER',
  'KV_LEADERSHIP_LOST',
  'TLS_CERT_EXPIRED',
  'TLS_UNTRUSTED',
  'TLS_NAME_MISMATCH',
  'TLS_CLIENT_REJECTED',
  'TLS_INVALID',
  'HOST_UNRESOLVED',
  'HOST_UNREACHABLE',
  'CLUSTER_CONFIG_MISSING',
  'CLUSTER_CONFIG_INVALID',
  'CLUSTER_ID_CONFLICT',
  'KUBE_NOT_FOUND',
  'KUBE_CONFLICT',
  'KUBE_ALREADY_EXISTS',
  'KUBE_GONE',
  'KUBE_FORBIDDEN',
  'KUBE_INVALID',
  'KUBE_THROTTLED',
  'KUBE_UNAVAILABLE',
  'IDENTITY_EXHAUSTED',
  'BPF_UNSUPPORTED',
  'BPF_PERMISSION',
  'BPF_LOAD_FAILED',
  'BPF_ABI_MISMATCH',
  'BPF_MAP_FULL',
  'BPF_FAILED',
  'COMMAND_FAILED',
  'LAB_INVALID_STATE',
  'SCENARIO_INVALID',
  'TIMEOUT',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface MeshErrorOptions {
  readonly cause?: unknown;
  /** May the same call succeed later without anybody changing anything? Default false. */
  readonly retryable?: boolean;
}

/** The one error class: a stable code, what was attempted on what, and the cause. */
export class MeshError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'MeshError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** By shape, not by `instanceof`: jest and worker threads run code in other realms. */
export function isMeshError(error: unknown): error is MeshError {
  return typeof error === 'object' && error !== null && 'code' in error && 'retryable' in error;
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return isMeshError(error) && codes.includes(error.code);
}

/** One line for people: the message and those of its causes, none said twice. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 8; depth++) {
    const text = messageOf(current);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
    current = typeof current === 'object' && 'cause' in current ? current.cause : undefined;
  }
  return parts.join(': ').replace(/\s+/g, ' ');
}

function messageOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return String(value);
}
