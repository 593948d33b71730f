import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** A meta/v1 Status of a failure, as every Kubernetes API answers it. */
export interface KubeStatus {
  /** HTTP status code. */
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
}

/** What a Kubernetes API refused: the classified code and the whole Status. */
export class KubeStatusError extends MeshError {
  readonly status: KubeStatus;

  constructor(status: KubeStatus, attempted?: string) {
    const code = classifyStatus(status);
    super(code, attempted === undefined ? status.message : `${attempted}: ${status.message}`, {
      retryable: code === 'KUBE_THROTTLED' || code === 'KUBE_UNAVAILABLE',
    });
    this.status = status;
  }
}

/** How long the server asked to be left alone, milliseconds; undefined when it did not ask. */
export function retryAfterMs(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const seconds = (error.status as Partial<KubeStatus> | undefined)?.details?.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

function classifyStatus({ code, reason, details }: KubeStatus): ErrorCode {
  // An API restored from a backup answers 504 to a resourceVersion of its lost future: only a new list helps.
  if (details?.causes?.some((cause) => cause.reason === 'ResourceVersionTooLarge') === true) return 'KUBE_GONE';
  if (code === 409) return reason === 'AlreadyExists' ? 'KUBE_ALREADY_EXISTS' : 'KUBE_CONFLICT';
  return codeByHttpStatus[code] ?? (code >= 500 ? 'KUBE_UNAVAILABLE' : 'KUBE_INVALID');
}

const codeByHttpStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'KUBE_FORBIDDEN',
  403: 'KUBE_FORBIDDEN',
  404: 'KUBE_NOT_FOUND',
  410: 'KUBE_GONE',
  429: 'KUBE_THROTTLED',
};
