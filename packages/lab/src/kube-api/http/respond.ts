import type { ServerResponse } from 'node:http';

import type { KubeStatusError } from '@clustermesh/kube';
import { describeError } from '@clustermesh/runtime';

export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(code, { 'Content-Type': contentType, 'X-Content-Type-Options': 'nosniff' });
  response.end(text);
}

/** To be sent with the answer; kubectl prints it. */
export function addWarning(response: ServerResponse, text: string): void {
  if (!response.headersSent) response.appendHeader('Warning', `299 - ${JSON.stringify(text)}`);
}

/** Answers with the error's Status. */
export function sendError(response: ServerResponse, error: unknown): void {
  const status = failureStatus(error);
  const { retryAfterSeconds } = status.details ?? {};
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', retryAfterSeconds);
  sendJson(response, status.code, status);
}

interface FailureStatus {
  readonly code: number;
  readonly details?: KubeStatusError['status']['details'];
}

/** meta/v1 Status; what is not a refusal is a bug, said as Kubernetes says it. */
export function failureStatus(error: unknown): FailureStatus {
  const base = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  if (isRefusal(error)) return { ...base, ...error.status };
  const message = `Internal error occurred: ${describeError(error)}`;
  return { ...base, message, reason: 'InternalError', code: 500 } as FailureStatus;
}

/** By shape, as errors may come from another realm. */
export function isRefusal(error: unknown): error is KubeStatusError {
  return typeof error === 'object' && error !== null && 'status' in error && 'retryable' in error;
}
