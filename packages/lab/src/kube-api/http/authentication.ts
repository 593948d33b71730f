import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/** Who asks. Everybody who is known may do everything: the lab has no authorisation. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The holder of a certificate of the client CA, or of the token; undefined for anybody else. */
export function authenticate(request: IncomingMessage, token: string | undefined): User | undefined {
  const bearer = /^Bearer (?<token>.+)$/.exec(request.headers.authorization ?? '')?.groups?.['token'];
  if (token !== undefined && bearer !== undefined && isSameSecret(bearer, token)) {
    return { name: 'token', groups: [] };
  }
  const socket = request.socket as unknown as Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>;
  if (!socket.authorized) return undefined;
  const { CN = '', O = [] } = socket.getPeerCertificate().subject;
  return { name: String(CN), groups: [O].flat() };
}

function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
