import { describe, expect, it } from '@jest/globals';

import { KubeStatusError, retryAfterMs } from './status-error.ts';

describe('KubeStatusError', () => {
  it.each([
    { code: 400, reason: 'BadRequest', want: 'KUBE_INVALID', retryable: false },
    { code: 401, reason: 'Unauthorized', want: 'KUBE_FORBIDDEN', retryable: false },
    { code: 403, reason: 'Forbidden', want: 'KUBE_FORBIDDEN', retryable: false },
    { code: 404, reason: 'NotFound', want: 'KUBE_NOT_FOUND', retryable: false },
    { code: 409, reason: 'AlreadyExists', want: 'KUBE_ALREADY_EXISTS', retryable: false },
    { code: 409, reason: 'Conflict', want: 'KUBE_CONFLICT', retryable: false },
    { code: 410, reason: 'Expired', want: 'KUBE_GONE', retryable: false },
    { code: 413, reason: 'RequestEntityTooLarge', want: 'KUBE_INVALID', retryable: false },
    { code: 422, reason: 'Invalid', want: 'KUBE_INVALID', retryable: false },
    { code: 429, reason: 'TooManyRequests', want: 'KUBE_THROTTLED', retryable: true },
    { code: 500, reason: 'InternalError', want: 'KUBE_UNAVAILABLE', retryable: true },
    { code: 503, reason: '', want: 'KUBE_UNAVAILABLE', retryable: true },
    { code: 504, reason: 'Timeout', want: 'KUBE_UNAVAILABLE', retryable: true },
  ])('$code $reason is $want', ({ code, reason, want, retryable }) => {
    const error = new KubeStatusError({ code, reason, message: 'why' }, 'get it');
    expect(error).toMatchObject({ code: want, retryable, message: 'get it: why' });
  });

  it('takes a resourceVersion of a lost future for gone: only a new list helps', () => {
    const details = { causes: [{ reason: 'ResourceVersionTooLarge' }] };
    expect(new KubeStatusError({ code: 504, reason: 'Timeout', message: '', details }).code).toBe('KUBE_GONE');
  });

  it('tells how long to wait only if the server said so', () => {
    const status = { code: 429, reason: 'TooManyRequests', message: '' };
    expect(retryAfterMs(new KubeStatusError(status))).toBeUndefined();
    expect(retryAfterMs(new KubeStatusError({ ...status, details: { retryAfterSeconds: 2 } }))).toBe(2000);
    expect(retryAfterMs(undefined)).toBeUndefined();
  });
});
