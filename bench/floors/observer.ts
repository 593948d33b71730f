/** Floor of an agent: notes when a change arrived, and nothing else. */
import { connect, follow } from './etcd.ts';
import type { Endpoint, Put } from './etcd.ts';
import { serve } from './serve.ts';

export interface Observed {
  readonly endpoint: Endpoint;
  readonly prefix: string;
}

/** What is seen, and when by CLOCK_MONOTONIC, which all processes of a machine share. */
interface Sighting {
  readonly address: string;
  readonly identity: number;
  readonly atMs: number;
}

let prefixLength = 0;
let arrivals: { readonly put: Put; readonly at: bigint }[] = [];

const answers = {
  open: async ({ endpoint, prefix }: Observed): Promise<void> => {
    prefixLength = prefix.length;
    await follow(connect(endpoint), prefix, (put) => arrivals.push({ put, at: process.hrtime.bigint() }));
  },
  /** Since the last time. Decoding waits until here: it is no part of the floor. */
  take: (): Sighting[] => {
    const taken = arrivals;
    arrivals = [];
    return taken.map(({ put, at }) => ({
      address: put.key.toString('latin1', prefixLength),
      identity: (JSON.parse(put.value.toString('utf8')) as { ID: number }).ID,
      atMs: Number(at) / 1e6,
    }));
  },
};

export type ObserverAnswers = typeof answers;

serve(answers);
