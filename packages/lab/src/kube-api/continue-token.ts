import { badRequest } from './api-errors.ts';

/** Where the next page of a list begins: after `key`, at the revision of the first page. Opaque to clients. */
export interface ContinueToken {
  readonly revision: number;
  readonly key: string;
}

export function encodeToken(token: ContinueToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** Throws BadRequest. */
export function decodeToken(text: string): ContinueToken {
  try {
    const { revision, key } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<ContinueToken>;
    if (typeof revision === 'number' && typeof key === 'string') return { revision, key };
  } catch {
    // as any other text that we did not write
  }
  throw badRequest('continue key is not valid');
}
