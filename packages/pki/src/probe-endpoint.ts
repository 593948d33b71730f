import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import { checkCredentials } from './check-credentials.ts';
import { explainTls } from './explain-tls.ts';
import type { TlsCredentials } from './tls-files.ts';

export interface ProbeTarget {
  /** `https://host:port`, or `http://host:port` for a server without TLS. */
  readonly endpoint: string;
  readonly credentials?: TlsCredentials | undefined;
  /** Resolves the host; default is the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/** How far a dial came. */
export interface EndpointView {
  /** TCP came up. */
  readonly isReached: boolean;
  /** The handshake came to an end: what was agreed on, and with whom. */
  readonly tls?: TlsView;
  /** Undefined when name, address and both certificates are fine. */
  readonly failure?: MeshError;
}

export interface TlsView {
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  readonly peer?: X509Certificate;
}

/** What a dial leaves behind step by step, so that a time-out finds how far it came. */
interface Progress {
  isReached: boolean;
  tls?: TlsView;
}

/**
 * Dials an endpoint by hand and says why it cannot be used: a gRPC client keeps little of the reason and nothing of
 * the certificates. Undefined when name, address and both certificates are fine, or when `signal` aborted.
 */
export async function probeEndpoint(
  target: ProbeTarget,
  deps: { readonly clock: Clock },
  signal: AbortSignal,
): Promise<MeshError | undefined> {
  const { credentials } = target;
  const objection = credentials && checkCredentials(credentials, new Date(deps.clock.now()));
  return objection ?? (await inspectEndpoint(target, deps, signal)).failure;
}

/** The same, with what was seen on the way; whether our own certificate is any good is not asked. */
export async function inspectEndpoint(
  target: ProbeTarget,
  { clock }: { readonly clock: Clock },
  signal: AbortSignal,
): Promise<EndpointView> {
  const { endpoint, timeoutMs = 5000 } = target;
  const progress: Progress = { isReached: false };
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const late = async (): Promise<MeshError> => {
    await clock.sleep(timeoutMs, ending);
    return unreachable(endpoint, `no answer within ${timeoutMs / 1000} s`);
  };
  try {
    const failure = await Promise.race([dial(target, progress, ending), late()]);
    return { ...progress, ...(failure !== undefined && !signal.aborted && { failure }) };
  } finally {
    over.abort();
  }
}

async function dial(target: ProbeTarget, progress: Progress, signal: AbortSignal): Promise<MeshError | undefined> {
  const { endpoint, credentials, lookup } = target;
  const { host, port, isTls } = parseEndpoint(endpoint);
  const address = { host, port, ...(lookup && { lookup }) };
  const reached = (): void => void (progress.isReached = true);
  let socket: Socket | undefined;
  try {
    if (!isTls) {
      socket = connectTcp(address, reached);
      await once(socket, 'connect', { signal });
      return undefined;
    }
    // The verdict on the server is read from the socket, so that its certificate is there to be named.
    const secure = connectTls({
      ...address,
      ...credentials,
      // As Go's clients have it: what the CA file holds is trusted, be it a root or not.
      allowPartialTrustChain: true,
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: false,
    });
    socket = secure;
    secure.once('connect', reached);
    secure.on('error', () => undefined); // each step below hears it; between two steps nobody would, and that kills
    await once(secure, 'secureConnect', { signal });
    // Read once: node gives the certificate to the first who asks, and undefined to the next.
    progress.tls = viewOf(secure);
    return (
      verdictOnServer(secure, target, { serverName: host, ...progress.tls }) ??
      (await verdictOnClient(secure, target, signal))
    );
  } catch (error) {
    return explain(error, target);
  } finally {
    socket?.destroy();
  }
}

function viewOf(socket: TLSSocket): TlsView {
  const peer = socket.getPeerX509Certificate();
  return { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name, ...(peer && { peer }) };
}

function verdictOnServer(
  socket: TLSSocket,
  target: ProbeTarget,
  { serverName, peer }: Pick<TlsView, 'peer'> & { readonly serverName: string },
): MeshError | undefined {
  // Declared an Error, but node puts the code there.
  const verdict = socket.authorizationError as unknown;
  if (socket.authorized || verdict === null || verdict === undefined) return undefined;
  const code = typeof verdict === 'string' ? verdict : String((verdict as { code?: unknown }).code);
  const { endpoint, credentials } = target;
  const context = { endpoint, serverName, ...(credentials && { credentials }), ...(peer && { peer }) };
  return explainTls({ code }, context) ?? new MeshError('TLS_INVALID', `TLS with ${endpoint} failed: ${code}`);
}

/** With TLS 1.3 the server judges the client after the handshake: its verdict is in its first answer or alert. */
async function verdictOnClient(
  socket: TLSSocket,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<MeshError | undefined> {
  socket.write('GET /version HTTP/1.1\r\nHost: clustermesh\r\nConnection: close\r\n\r\n');
  const answered = once(socket, 'data', { signal }).then(() => true);
  const closed = once(socket, 'close', { signal }).then(() => false);
  if (await Promise.race([answered, closed])) return undefined;
  return unreachable(target.endpoint, 'it closes the connection without an answer');
}

function explain(error: unknown, target: ProbeTarget): MeshError {
  const { endpoint, credentials } = target;
  const code = String((error as { code?: unknown }).code);
  const tls = explainTls(error, { endpoint, ...(credentials && { credentials }) });
  if (tls !== undefined) return tls;
  const { host } = parseEndpoint(endpoint);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
    case 'EAI_NODATA':
      return new MeshError('HOST_UNRESOLVED', `the host name ${host} of ${endpoint} cannot be resolved`, {
        cause: error,
        retryable: true,
      });
    default:
      return unreachable(endpoint, socketErrors[code] ?? code, error);
  }
}

const socketErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'it closes the connection',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer',
};

function unreachable(endpoint: string, reason: string, cause?: unknown): MeshError {
  return new MeshError('HOST_UNREACHABLE', `${endpoint} cannot be reached: ${reason}`, { cause, retryable: true });
}

function parseEndpoint(endpoint: string): { host: string; port: number; isTls: boolean } {
  const { hostname, port, protocol } = new URL(endpoint);
  const isTls = protocol === 'https:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (isTls ? 443 : 80)), isTls };
}
