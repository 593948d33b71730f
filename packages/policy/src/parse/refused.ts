import type { z } from 'zod';

export type RefusalKind =
  /** Known, and not served here. */
  | 'unsupported'
  /** Nobody has told us what it means. */
  | 'unknown'
  /** It means nothing. */
  | 'invalid';

/** A part of a policy that cannot be served as it is written, and why. */
export class Refused {
  readonly kind: RefusalKind;
  readonly reason: string;
  /** From the part that was asked for: `.toPorts[0].rules`. */
  readonly path: string;

  constructor(kind: RefusalKind, reason: string, path = '') {
    this.kind = kind;
    this.reason = reason;
    this.path = path;
  }

  within(path: string): Refused {
    return new Refused(this.kind, this.reason, path + this.path);
  }
}

export function invalid(reason: string): Refused {
  return new Refused('invalid', reason);
}

/** All of them, or why one of them cannot be served. */
export function allOf<T>(parts: readonly (T | Refused)[]): readonly T[] | Refused {
  const good: T[] = [];
  for (const part of parts) {
    if (part instanceof Refused) return part;
    good.push(part);
  }
  return good;
}

/** Each element read, where it stands. */
export function eachOf<T, U>(
  list: readonly T[] | null | undefined,
  path: string,
  read: (element: T) => U | Refused,
): readonly (U | Refused)[] {
  return (list ?? []).map((element, index) => {
    const part = read(element);
    return part instanceof Refused ? part.within(`${path}[${index}]`) : part;
  });
}

/** Why a schema did not take a value. */
export function unreadable({ issues }: z.ZodError): Refused {
  const [first] = issues;
  const isUnknown = first?.code === 'unrecognized_keys';
  const path = [...(first?.path ?? []), ...(isUnknown ? first.keys.slice(0, 1) : [])];
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  if (isUnknown) return new Refused('unknown', `${first.keys.join(', ')} is not known`, text);
  return new Refused('invalid', first?.message ?? 'it cannot be read', text);
}

/**
 * A field that we do not serve may narrow what it stands in: it counts as soon as it is there.
 * @param unsupported why, of those that are known
 */
export function refuseOthers(
  fields: Readonly<Record<string, unknown>>,
  unsupported: Readonly<Record<string, string>>,
): Refused | undefined {
  const name = Object.keys(fields).find((field) => fields[field] !== null && fields[field] !== undefined);
  if (name === undefined) return undefined;
  const reason = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
  return reason === undefined
    ? new Refused('unknown', `${name} is not known`, `.${name}`)
    : new Refused('unsupported', `${reason} (${name}) are not served`, `.${name}`);
}
