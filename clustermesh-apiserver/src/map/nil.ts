/** What Go leaves nil when nothing was put into it; the wire then has `null`. */
export function nilIfEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

export function nilIfNone(
  record: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | null {
  return record === undefined || Object.keys(record).length === 0 ? null : record;
}
