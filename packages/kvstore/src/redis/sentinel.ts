import { MeshError, describeError, isMeshError } from '@clustermesh/runtime';

import type { HostPort, RedisAddress } from './redis-address.ts';
import { sentinelTarget, serverTarget } from './redis-options.ts';
import type { RedisCredentials } from './redis-options.ts';
import { RedisSession } from './redis-session.ts';
import type { Dialling } from './redis-session.ts';
import { assertUsable } from './server-checks.ts';

/** Sentinels answer from memory: one that is slower than this is passed over for the next. */
const sentinelTimeoutMs = 3_000;

/**
 * A connection to the primary. Sentinels are asked in their order until one names a server that says of itself that it
 * is the primary: after a failover some are behind.
 */
export async function openPrimary(
  address: RedisAddress,
  credentials: RedisCredentials,
  dialling: Dialling,
): Promise<RedisSession> {
  const failures: unknown[] = [];
  for (const host of address.hosts) {
    try {
      const at = await askSentinel(address, host, { ...dialling, credentials });
      const session = await RedisSession.open(serverTarget(address, at, credentials), dialling);
      return await assertUsable(session, { mustBePrimary: true });
    } catch (error) {
      if (dialling.signal.aborted || !isMeshError(error) || !error.retryable) throw error;
      failures.push(error);
    }
  }
  throw summary(address, failures.filter(isMeshError));
}

async function askSentinel(
  address: RedisAddress,
  host: HostPort,
  { credentials, requestTimeoutMs, signal }: Dialling & { readonly credentials: RedisCredentials },
): Promise<HostPort> {
  const target = sentinelTarget(address, host, credentials);
  const timeoutMs = Math.min(sentinelTimeoutMs, requestTimeoutMs);
  const session = await RedisSession.open(target, { requestTimeoutMs: timeoutMs, signal });
  try {
    const { primary = '' } = address;
    const attempted = `ask ${target.description} for the primary ${primary}`;
    const reply = await session.call(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primary], attempted);
    const [at, port] = (reply as readonly Buffer[] | null)?.map((bytes) => bytes.toString('latin1')) ?? [];
    if (at !== undefined && port !== undefined) return { host: at, port: Number(port) };
    throw new MeshError('KV_REFUSED', `${attempted}: it knows none of that name`, { retryable: true });
  } finally {
    session.close();
  }
}

/** What one that answered has said tells more than that another cannot be reached. */
function summary({ description }: RedisAddress, failures: readonly MeshError[]): MeshError {
  const code = (failures.find((failure) => !failure.code.startsWith('HOST_')) ?? failures[0])?.code ?? 'KV_UNAVAILABLE';
  const reasons = failures.map((failure) => describeError(failure)).join('; ');
  return new MeshError(code, `connect to ${description}: ${reasons}`, { retryable: true });
}
