import { join } from 'node:path';

import { readJsonFile, writeJsonFile } from '../json-file.ts';

/** What the etcd of the samples is to hold: on disk, so that its writer may be restarted, and told otherwise. */
export interface DesiredKeys {
  readonly entries: Readonly<Record<string, string>>;
  readonly canaries: readonly string[];
  /** Writes the heartbeat. */
  readonly beats: boolean;
}

export interface SamplesChange {
  readonly put?: Readonly<Record<string, string>> | undefined;
  readonly delete?: readonly string[] | undefined;
  readonly heartbeat?: boolean | undefined;
}

function desiredKeysFile(dir: string): string {
  return join(dir, 'keys.json');
}

export function changed(before: DesiredKeys, { put = {}, delete: gone = [], heartbeat }: SamplesChange): DesiredKeys {
  const entries = Object.entries({ ...before.entries, ...put }).filter(([key]) => !gone.includes(key));
  return { ...before, entries: Object.fromEntries(entries), beats: heartbeat ?? before.beats };
}

export async function readDesiredKeys(dir: string): Promise<DesiredKeys | undefined> {
  return readJsonFile<DesiredKeys>(desiredKeysFile(dir));
}

export async function writeDesiredKeys(dir: string, desired: DesiredKeys): Promise<void> {
  await writeJsonFile(desiredKeysFile(dir), desired);
}
