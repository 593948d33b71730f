import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { describeError } from '@clustermesh/runtime';

import { classify, classifyCancel } from './grpc-errors.ts';

const noConnection = (error: string): string => `No connection established. Last error: ${error}. Resolution note: `;

describe('classify', () => {
  it.each([
    [status.INVALID_ARGUMENT, 'etcdserver: request is too large', 'KV_TOO_LARGE', false],
    [status.INVALID_ARGUMENT, 'etcdserver: too many operations in txn request', 'KV_TOO_LARGE', false],
    [status.RESOURCE_EXHAUSTED, 'grpc: received message larger than max (3 vs. 2)', 'KV_TOO_LARGE', false],
    [status.RESOURCE_EXHAUSTED, 'Received message larger than max (5 vs 4194304)', 'KV_TOO_LARGE', false],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'KV_NO_SPACE', true],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', 'KV_UNAVAILABLE', true],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted', 'KV_COMPACTED', true],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision', 'KV_STORE_CHANGED', true],
    [status.NOT_FOUND, 'etcdserver: requested lease not found', 'KV_LEASE_LOST', true],
    [status.PERMISSION_DENIED, 'etcdserver: permission denied', 'KV_PERMISSION_DENIED', false],
    [status.INVALID_ARGUMENT, 'etcdserver: user name is empty', 'KV_UNAUTHENTICATED', false],
    [status.INVALID_ARGUMENT, 'etcdserver: revision of auth store is old', 'KV_UNAVAILABLE', true],
    [status.FAILED_PRECONDITION, 'etcdserver: role name already exists', 'KV_REFUSED', false],
    [status.UNAVAILABLE, 'etcdserver: no leader', 'KV_UNAVAILABLE', true],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded after 30s', 'KV_UNAVAILABLE', true],
    [status.UNAVAILABLE, noConnection('Error: connect ECONNREFUSED 127.0.0.1:1'), 'HOST_UNREACHABLE', true],
    [status.UNAVAILABLE, 'Name resolution failed for target dns:nowhere.invalid:2379', 'HOST_UNRESOLVED', true],
    [status.UNAVAILABLE, noConnection('Error: self-signed certificate in certificate chain'), 'TLS_UNTRUSTED', true],
    [status.UNAVAILABLE, noConnection('Error: certificate has expired'), 'TLS_CERT_EXPIRED', true],
  ])('status %i, %s → %s', (code, details, want, retryable) => {
    const error = classify({ code, details }, 'list p/');
    expect(error).toMatchObject({ code: want, retryable, message: 'list p/' });
  });

  it('keeps of the details what people need, in one line', () => {
    const details = noConnection('Error: connect ECONNREFUSED 127.0.0.1:1 (2026-01-01T00:00:00.000Z)');
    expect(describeError(classify({ code: status.UNAVAILABLE, details }, 'list p/'))).toBe(
      'list p/: connect ECONNREFUSED 127.0.0.1:1',
    );
  });

  it('says what to do about an etcd that is full', () => {
    const details = 'etcdserver: mvcc: database space exceeded';
    expect(describeError(classify({ code: status.RESOURCE_EXHAUSTED, details }, 'write a'))).toMatch(
      /^write a: etcdserver: mvcc: database space exceeded; it takes deletions only until .*defrag.*alarm disarm/,
    );
  });

  it('does not classify twice', () => {
    const error = classify({ code: status.UNAVAILABLE, details: 'x' }, 'list p/');
    expect(classify(error, 'other')).toBe(error);
  });

  it.each([
    ['rpc error: code = PermissionDenied desc = etcdserver: permission denied', 'KV_PERMISSION_DENIED'],
    ['', 'KV_UNAVAILABLE'],
  ])("reads a watch's cancel reason %j", (reason, want) => {
    expect(classifyCancel(reason, 'watch p/')).toMatchObject({ code: want });
  });
});
