/** Sees what is committed to an etcd, and when. */
import { writeFile } from 'node:fs/promises';

import { connect, follow } from '../../floors/etcd.ts';
import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { monotonicMs } from '../propagation/changes.ts';

/** A commit by CLOCK_MONOTONIC, as seen by a watch. */
export interface Commit {
  readonly key: string;
  readonly effect: 'put' | 'delete';
  readonly atMs: number;
}

interface Place {
  readonly endpoint: Endpoint;
  readonly prefixes: readonly string[];
}

const keysPerPage = 1_000;

let etcd: ReturnType<typeof connect> | undefined;
let commits: { readonly key: Buffer; readonly effect: Commit['effect']; readonly atMs: number }[] = [];

const answers = {
  open: async ({ endpoint, prefixes }: Place): Promise<void> => {
    etcd = connect(endpoint);
    const note = (key: Buffer, effect: Commit['effect']): void =>
      void commits.push({ key, effect, atMs: monotonicMs() });
    for (const prefix of prefixes) {
      await follow(
        etcd,
        prefix,
        ({ key }) => note(key, 'put'),
        (key) => note(key, 'delete'),
      );
    }
  },

  /** Since the last time. */
  take: (): readonly Commit[] => {
    const taken = commits;
    commits = [];
    return taken.map((commit) => ({ ...commit, key: commit.key.toString('latin1') }));
  },

  /** All that is there under a prefix. */
  read: async ({ prefix }: { readonly prefix: string }): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries(await readAll(prefix)),

  /** Writes it to a file as `copier.ts` reads it; returns how much it is. */
  save: async ({
    prefix,
    file,
  }: {
    readonly prefix: string;
    readonly file: string;
  }): Promise<{ keys: number; bytes: number }> => {
    const all = await readAll(prefix);
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    await writeFile(file, all.map(([key, value]) => `${base64(key)} ${base64(value)}\n`).join(''));
    return { keys: all.length, bytes: all.reduce((sum, [key, value]) => sum + key.length + value.length, 0) };
  },
};

/** In pages: a message holds 4 MiB. */
async function readAll(prefix: string): Promise<readonly (readonly [key: string, value: string])[]> {
  const all: (readonly [string, string])[] = [];
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  for (let key = Buffer.from(prefix); ;) {
    const page = await etcd?.kv.range({ key, range_end: end, limit: keysPerPage });
    for (const kv of page?.kvs ?? []) all.push([kv.key.toString(), kv.value.toString()]);
    const last = page?.kvs.at(-1)?.key;
    if (last === undefined || page?.more !== true) return all;
    key = Buffer.concat([last, Buffer.alloc(1)]);
  }
}

export type StoreWatcher = typeof answers;

serve(answers);
