import { MeshError } from '@clustermesh/runtime';

import type { ApiObject } from '../api-object.ts';

/** One object as it is stored from a revision on; without `object` it is deleted. */
export interface JournalEntry {
  readonly revision: number;
  readonly group: string;
  readonly plural: string;
  readonly key: string;
  readonly object?: ApiObject;
}

export interface JournalContent {
  /** Of the snapshot: nothing is known of how it came about. */
  readonly revision: number;
  readonly snapshot: readonly JournalEntry[];
  readonly changes: readonly JournalEntry[];
  /** Up to the end of the last whole line. */
  readonly bytes: number;
  readonly snapshotBytes: number;
}

interface SnapshotHeader {
  /** How many lines of the snapshot follow. */
  readonly snapshot: number;
  readonly revision: number;
}

const newline = 0x0a;

/** Throws LAB_INVALID_STATE when a line that is whole is no entry: then the file was damaged, not just cut off. */
export function parseJournal(path: string, bytes: Buffer): JournalContent {
  const lines: (JournalEntry | SnapshotHeader)[] = [];
  const ends: number[] = [];
  for (let start = 0, end; (end = bytes.indexOf(newline, start)) !== -1; start = end + 1) {
    lines.push(parseLine(path, lines.length + 1, bytes.toString('utf8', start, end)));
    ends.push(end + 1);
  }
  const [first] = lines;
  // Without a snapshot the changes begin with the very first one.
  const header = first !== undefined && 'snapshot' in first ? first : undefined;
  const { snapshot, revision } = header ?? { snapshot: 0, revision: (first?.revision ?? 1) - 1 };
  const entries = (header === undefined ? lines : lines.slice(1)) as readonly JournalEntry[];
  return {
    revision,
    snapshot: entries.slice(0, snapshot),
    changes: entries.slice(snapshot),
    bytes: ends.at(-1) ?? 0,
    snapshotBytes: header === undefined ? 0 : (ends[snapshot] ?? 0),
  };
}

function parseLine(path: string, number: number, line: string): JournalEntry | SnapshotHeader {
  try {
    const parsed = JSON.parse(line) as Partial<JournalEntry & SnapshotHeader>;
    if (typeof parsed.revision === 'number') return parsed as JournalEntry | SnapshotHeader;
  } catch {
    // as a line that is JSON of something else
  }
  throw new MeshError('LAB_INVALID_STATE', `read line ${number} of ${path}: it is no change`);
}
