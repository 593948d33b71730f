import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { MeshError } from '@clustermesh/runtime';

import { parseJournal } from './journal-format.ts';
import type { JournalContent, JournalEntry } from './journal-format.ts';

export interface Journal {
  /** What was there when it was opened. */
  readonly restored: JournalContent | undefined;
  /**
   * Called before a change is told to anybody; what it throws undoes the change. `present` are all objects before it,
   * for when the journal has grown enough to be begun anew.
   */
  append(entry: JournalEntry, present: () => Iterable<JournalEntry>): void;
}

/** So much may follow the snapshot, besides as much as the snapshot itself has. */
const minTailBytes = 4 * 1024 * 1024;

/**
 * A file with one JSON line a change: first a snapshot, then what came after it. Each line is handed to the kernel
 * before the change is acknowledged, so that it survives the death of this process; only snapshots are forced to the
 * disk, as a machine that goes down takes the whole lab with it. A line that its writer was killed in is dropped:
 * nobody was told of it.
 */
export class FileJournal implements Journal, Disposable {
  readonly restored: JournalContent | undefined;
  readonly #path: string;
  readonly #minTailBytes: number;
  #file: number;
  #bytes: number;
  #snapshotBytes: number;

  private constructor(path: string, minTail: number) {
    this.#path = path;
    this.#minTailBytes = minTail;
    this.#file = openSync(path, 'a+', 0o600);
    const content = parseJournal(path, readFileSync(this.#file));
    this.restored = content.bytes === 0 ? undefined : content;
    this.#bytes = content.bytes;
    this.#snapshotBytes = content.snapshotBytes;
    ftruncateSync(this.#file, content.bytes);
  }

  /** Makes the file where there is none. Throws LAB_INVALID_STATE when it cannot be read or is no journal. */
  static open(path: string, options: { readonly minTailBytes?: number } = {}): FileJournal {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      return new FileJournal(path, options.minTailBytes ?? minTailBytes);
    } catch (error) {
      throw new MeshError('LAB_INVALID_STATE', `open the journal ${path}`, { cause: error });
    }
  }

  append(entry: JournalEntry, present: () => Iterable<JournalEntry>): void {
    try {
      if (this.#isLong()) this.#beginAnew(entry.revision - 1, present());
      this.#bytes += writeAll(this.#file, Buffer.from(`${JSON.stringify(entry)}\n`), this.#bytes);
    } catch (error) {
      ftruncateSync(this.#file, this.#bytes); // half a line would swallow the next one
      throw new MeshError('LAB_INVALID_STATE', `write to the journal ${this.#path}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #isLong(): boolean {
    return this.#bytes - this.#snapshotBytes >= Math.max(this.#minTailBytes, this.#snapshotBytes);
  }

  #beginAnew(revision: number, present: Iterable<JournalEntry>): void {
    const lines = Array.from(present, (entry) => JSON.stringify(entry));
    const snapshot = Buffer.from(`${[JSON.stringify({ snapshot: lines.length, revision }), ...lines].join('\n')}\n`);
    const fresh = `${this.#path}.new`;
    const file = openSync(fresh, 'w', 0o600);
    try {
      writeAll(file, snapshot, 0);
      fsyncSync(file);
      renameSync(fresh, this.#path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    closeSync(this.#file);
    this.#file = file;
    this.#bytes = this.#snapshotBytes = snapshot.length;
  }
}

function writeAll(file: number, bytes: Buffer, position: number): number {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
  }
  return written;
}
