/** Floor of an agent: notes when a change arrived, and nothing else. */
import { connect, follow } from './etcd.ts';
import type { Endpoint } from './etcd.ts';
import { serve } from './serve.ts';

export interface Observed {
  readonly endpoint: Endpoint;
  readonly prefix: string;
}

/** What is seen, and when by CLOCK_MONOTONIC, which all processes of a machine share. */
interface Sighting {
  readonly address: string;
  /** 0: it was deleted. */
  readonly identity: number;
  readonly atMs: number;
}

let prefixLength = 0;
let arrivals: { readonly key: Buffer; readonly value: Buffer | undefined; readonly at: bigint }[] = [];

const answers = {
  open: async ({ endpoint, prefix }: Observed): Promise<void> => {
    prefixLength = prefix.length;
    const arrived = (key: Buffer, value?: Buffer): void => {
      arrivals.push({ key, value, at: process.hrtime.bigint() });
    };
    await follow(connect(endpoint), prefix, ({ key, value }) => arrived(key, value), arrived);
  },
  /** Since the last time. Decoding waits until here: it is no part of the floor. */
  take: (): Sighting[] => {
    const taken = arrivals;
    arrivals = [];
    return taken.map(({ key, value, at }) => ({
      address: key.toString('latin1', prefixLength),
      identity: value === undefined ? 0 : (JSON.parse(value.toString('utf8')) as { ID: number }).ID,
      atMs: Number(at) / 1e6,
    }));
  },
};

export type ObserverAnswers = typeof answers;

serve(answers);
