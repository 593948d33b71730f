/** Everything that this store keeps in Redis begins so: an ACL's key pattern is `~clustermesh:*`. */
export const namespace = 'clustermesh:';

export const names = {
  /** Hash: `id` of the store, `revision` and `mark` of its last commit, `bytes` in the stream. */
  meta: `${namespace}meta`,
  /** Stream: one entry a commit, its id `<revision>-<mark>`; the mark of the one before it, and the packed operations. */
  changes: `${namespace}changes`,
  /** Set: groups that hold keys. */
  groups: `${namespace}groups`,
  /** Hash: the last revision of each writer that is not declared dead. */
  writers: `${namespace}writers`,
  /** Set: writers that are, while there may be keys that they wrote. */
  dead: `${namespace}dead`,
  /** Expires when its writer is silent for too long. */
  writer: (id: string): string => `${namespace}writer:${id}`,
  /** Hash: the keys of one group. */
  keys: (group: string): string => `${namespace}keys:${group}`,
} as const;

/** As many as `cilium/cache/ip/v1/<cluster>/` has. */
const segmentsOfGroup = 5;

export interface KeyPlace {
  readonly group: string;
  /** The rest of the key: the hash's field. */
  readonly name: string;
}

/**
 * Which hash holds a key: the one of its first five segments, or of all but its last one if it has fewer. So one
 * cluster's entries of one kind are one hash (ADR 195).
 */
export function placeOf(key: string): KeyPlace {
  let end = 0;
  for (let segment = 0; segment < segmentsOfGroup; segment++) {
    const slash = key.indexOf('/', end);
    if (slash < 0) break;
    end = slash + 1;
  }
  return { group: key.slice(0, end), name: key.slice(end) };
}

/** The one group that holds every key beginning with `prefix`; undefined when several may. */
export function soleGroupOf(prefix: string): string | undefined {
  const { group } = placeOf(prefix);
  return group.split('/').length > segmentsOfGroup ? group : undefined;
}

export function mayHold(group: string, prefix: string): boolean {
  return group.startsWith(prefix) || prefix.startsWith(group);
}

export interface StoredEntry {
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly writer: string;
  readonly value: Uint8Array;
}

const entryHeader = /^(\d{1,16}) (\d{1,16}) ([\da-f]*)$/;

/** A field's value: `<create revision> <revision> <writer>+` and the bytes. Undefined: not written by this store. */
export function decodeEntry(bytes: Buffer): StoredEntry | undefined {
  const end = bytes.indexOf(0x2b);
  const [text, create = '', mod = '', writer = ''] =
    entryHeader.exec(bytes.toString('latin1', 0, Math.max(0, end))) ?? [];
  if (text === undefined) return undefined;
  return { createRevision: BigInt(create), modRevision: BigInt(mod), writer, value: bytes.subarray(end + 1) };
}
