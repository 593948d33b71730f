import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { MeshError } from '@clustermesh/runtime';

import type { KubeObject, KubeWatchEvent } from './kube-client.ts';
import { KubeStatusError } from './status-error.ts';
import type { KubeStatus } from './status-error.ts';

/** A list as the API writes it. */
export interface WireList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[] | null;
}

interface WireEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/**
 * The bytes of an answer. We ask for no encoding, as the API is near; proxies in between compress all the same. Throws
 * KUBE_UNAVAILABLE for an encoding that is not gzip.
 */
export function bodyOf(attempted: string, response: IncomingMessage): AsyncIterable<Buffer> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response as AsyncIterable<Buffer>;
  if (encoding !== 'gzip') {
    response.destroy();
    throw new MeshError('KUBE_UNAVAILABLE', `${attempted} (answered in ${encoding}, which was not asked for)`);
  }
  // Its error ends the reading of the other end.
  return pipeline(response, createGunzip(), () => undefined) as AsyncIterable<Buffer>;
}

/** The error of an answer that is not 2xx: from its Status, or from the bare HTTP status of a proxy in between. */
export function responseError(attempted: string, response: IncomingMessage, body: string): KubeStatusError {
  const code = response.statusCode ?? 0;
  const status = parseStatus(body) ?? { code, reason: '', message: body.slice(0, 200) || `HTTP status ${code}` };
  const seconds = Number(response.headers['retry-after']);
  if (!Number.isFinite(seconds) || status.details?.retryAfterSeconds !== undefined) {
    return new KubeStatusError({ ...status, code }, attempted);
  }
  const details = { ...status.details, retryAfterSeconds: seconds };
  return new KubeStatusError({ ...status, code, details }, attempted);
}

function parseStatus(body: string): KubeStatus | undefined {
  try {
    const parsed = JSON.parse(body) as Partial<KubeStatus> & { readonly kind?: string };
    if (parsed.kind !== 'Status') return undefined;
    return { code: 0, ...parsed, reason: parsed.reason ?? '', message: parsed.message ?? '' };
  } catch {
    return undefined; // a proxy's HTML, or nothing
  }
}

/** Throws the error that an ERROR event carries; KUBE_UNAVAILABLE for a line that is no event. */
export function watchEvent<T extends KubeObject>(line: unknown, attempted: string): KubeWatchEvent<T> {
  const event = line as Partial<WireEvent<T>> | null;
  const object = event?.object;
  if (event?.type === 'ERROR') throw new KubeStatusError(errorStatus(object), attempted);
  if (event?.type === undefined || object?.metadata === undefined) {
    throw new MeshError('KUBE_UNAVAILABLE', `${attempted} (got a line that is no event)`, { retryable: true });
  }
  if (event.type !== 'BOOKMARK') return { type: event.type, object };
  return { type: 'BOOKMARK', resourceVersion: object.metadata.resourceVersion ?? '' };
}

function errorStatus(object: unknown): KubeStatus {
  const status = object as Partial<KubeStatus> | undefined;
  return {
    ...status,
    code: status?.code ?? 500,
    reason: status?.reason ?? '',
    message: status?.message ?? 'unknown error',
  };
}
