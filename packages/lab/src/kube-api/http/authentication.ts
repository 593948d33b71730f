import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

import type { User } from '../access/authorizer.ts';

/** The holder of a certificate of the client CA, or of the token, who is an administrator; undefined for others. */
export function authenticate(request: IncomingMessage, token: string | undefined): User | undefined {
  const bearer = /^Bearer (?<token>.+)$/.exec(request.headers.authorization ?? '')?.groups?.['token'];
  if (token !== undefined && bearer !== undefined && isSameSecret(bearer, token)) {
    return { name: 'token', groups: ['system:masters', 'system:authenticated'] };
  }
  const socket = request.socket as unknown as Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>;
  if (!socket.authorized) return undefined;
  const { CN = '', O = [] } = socket.getPeerCertificate().subject;
  return { name: String(CN), groups: [...[O].flat(), 'system:authenticated'] };
}

/** On whose behalf a user asks (`kubectl --as`), as far as the headers say; undefined: on its own. */
export function impersonated({ headers }: IncomingMessage): User | undefined {
  const name = headers['impersonate-user'];
  if (typeof name !== 'string') return undefined;
  const groups = [headers['impersonate-group'] ?? []].flat().flatMap((group) => group.split(/,\s*/));
  const [, account, namespace] = /^system:(serviceaccount):([^:]+):/.exec(name) ?? [];
  const ofAccount =
    account === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace ?? ''}`];
  return { name, groups: [...new Set([...groups, ...ofAccount, 'system:authenticated'])] };
}

function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
