/** Floor of an apiserver's start: lists in chunks, and puts in batches what is in a file. Nothing depends on anything. */
import { readFileSync } from 'node:fs';

import { connect } from './etcd.ts';
import type { Endpoint, Put } from './etcd.ts';
import { connectKube, listChunks } from './kube.ts';
import type { KubePlace } from './kube.ts';
import { serve } from './serve.ts';

export interface CopyOrder {
  readonly kube: KubePlace;
  readonly etcd: Endpoint;
  readonly paths: readonly string[];
  /** Of lines: key and value in base64, a blank between. */
  readonly entriesFile: string;
  /** Put when all else is acknowledged. */
  readonly lastKey: string;
}

const chunk = 500;
/** What etcd takes by default. */
const opsPerTransaction = 128;
const transactionsInFlight = 8;

let entries: readonly Put[] = [];

const answers = {
  /** Reading the file is no part of the floor. */
  open: ({ entriesFile }: CopyOrder): number => {
    const lines = readFileSync(entriesFile, 'latin1').split('\n').slice(0, -1);
    entries = lines.map((line) => {
      const [key = '', value = ''] = line.split(' ');
      return { key: Buffer.from(key, 'base64'), value: Buffer.from(value, 'base64') };
    });
    return entries.length;
  },

  run: async ({ kube, etcd, paths, lastKey }: CopyOrder): Promise<void> => {
    const get = connectKube(kube);
    const { kv } = connect(etcd);
    const inFlight = new Set<Promise<unknown>>();
    let next = 0;
    /** As soon as there may be something to put, as many as objects came. */
    const put = async (most: number): Promise<void> => {
      for (const end = Math.min(next + most, entries.length); next < end;) {
        const batch = entries.slice(next, Math.min(next + opsPerTransaction, end));
        next += batch.length;
        while (inFlight.size >= transactionsInFlight) await Promise.race(inFlight);
        const sent = kv.txn({ success: batch.map((request_put) => ({ request_put })) });
        inFlight.add(sent);
        void sent.then(() => inFlight.delete(sent));
      }
    };
    await Promise.all(paths.map((path) => listChunks(get, path, chunk, put)));
    await put(Infinity);
    await Promise.all(inFlight);
    await kv.put({ key: Buffer.from(lastKey), value: Buffer.from('1') });
  },
};

export type Copier = typeof answers;

serve(answers);
