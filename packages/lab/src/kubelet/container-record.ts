import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { readJsonFile } from '../json-file.ts';
import type { ProcessRecord } from '../process/proc.ts';

/** On disk, so that a container survives the supervisor and its restarts are counted across them. */
export interface ContainerRecord {
  readonly process?: ProcessRecord;
  /** RFC 3339. */
  readonly startedAt?: string;
  /** Of its last run, when that has ended. */
  readonly exitCode?: number;
  readonly restartCount: number;
}

/** The processes that the records in a directory speak of; they may have ended long ago. */
export async function containerProcesses(directory: string): Promise<readonly ProcessRecord[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const records = await Promise.all(names.map((name) => readJsonFile<ContainerRecord>(join(directory, name))));
  return records.flatMap((record) => record?.process ?? []);
}
