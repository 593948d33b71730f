/** Null as Go reads it: as if it were not there. Of objects whose schema may let nulls pass. */
export function withoutNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const isThere = (member: unknown): boolean => member !== null;
  if (Array.isArray(value)) return value.filter(isThere).map(withoutNulls) as T;
  const members = Object.entries(value).filter(([, member]) => isThere(member));
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member as unknown)])) as T;
}

/** What Go leaves nil when nothing was put into it; the wire then has `null`. */
export function nilIfEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

export function nilIfNone(
  record: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | null {
  return record === undefined || Object.keys(record).length === 0 ? null : record;
}
