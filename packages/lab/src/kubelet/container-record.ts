import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { readJsonFile } from '../json-file.ts';
import type { ProcessRecord } from '../process/proc.ts';

/** What a person calls the program, and the pod that it belongs to (`namespace/name`). */
export interface ProgramLabel {
  readonly name: string;
  readonly pod?: string;
}

/** On disk, so that a container survives the supervisor and its restarts are counted across them. */
export interface ContainerRecord {
  readonly program?: ProgramLabel;
  readonly process?: ProcessRecord;
  /** RFC 3339. */
  readonly startedAt?: string;
  /** Of its last run, when that has ended. */
  readonly exitCode?: number;
  readonly restartCount: number;
}

/** The records in a directory; their processes may have ended long ago. */
export async function containerRecords(directory: string): Promise<readonly ContainerRecord[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const files = names.filter((name) => name.endsWith('.json')); // others are on their way to become one
  const records = await Promise.all(files.map((name) => readJsonFile<ContainerRecord>(join(directory, name))));
  return records.filter((record) => record !== undefined);
}
