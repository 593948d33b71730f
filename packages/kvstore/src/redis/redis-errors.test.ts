import { describe, expect, it } from '@jest/globals';

import { classifyRedis } from './redis-errors.ts';

describe('classifyRedis', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'KV_NO_SPACE', true],
    [
      "ERR Error running script: @user_script:1: -OOM command not allowed when used memory > 'maxmemory'.",
      'KV_NO_SPACE',
      true,
    ],
    ['MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.', 'KV_NO_SPACE', true],
    ['NOPERM this user has no permissions to run the command', 'KV_PERMISSION_DENIED', true],
    ["ERR The user executing the script can't run this command or subcommand", 'KV_PERMISSION_DENIED', true],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'KV_UNAUTHENTICATED', true],
    ['NOAUTH Authentication required.', 'KV_UNAUTHENTICATED', true],
    ["READONLY You can't write against a read only replica.", 'KV_UNAVAILABLE', true],
    ['LOADING Redis is loading the dataset in memory', 'KV_UNAVAILABLE', true],
    ['CLUSTERDOWN The cluster is down', 'KV_REFUSED', false],
    ['Connection is closed.', 'KV_UNAVAILABLE', true],
    ['Command timed out', 'KV_UNAVAILABLE', true],
    ['connect ECONNREFUSED 127.0.0.1:1', 'HOST_UNREACHABLE', true],
    ['getaddrinfo ENOTFOUND cache.test', 'HOST_UNRESOLVED', true],
    ['self-signed certificate in certificate chain', 'TLS_UNTRUSTED', true],
    ["Hostname/IP does not match certificate's altnames: IP", 'TLS_NAME_MISMATCH', true],
    ["ERR unknown command 'EVAL'", 'KV_REFUSED', false],
  ])('%s is %s', (text, code, retryable) => {
    const error = classifyRedis(new Error(text), 'write a');
    expect(error).toMatchObject({ code, retryable });
    expect(error.message).toContain('write a');
  });
});
