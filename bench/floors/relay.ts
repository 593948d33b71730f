/** Floor of a mirror: copies what changes in one etcd into another, and nothing else. Every change goes out at once. */
import { connect, follow } from './etcd.ts';
import type { Endpoint } from './etcd.ts';
import { serve } from './serve.ts';

export interface RelayRoute {
  readonly source: Endpoint;
  readonly sourcePrefix: string;
  readonly target: Endpoint;
  readonly targetPrefix: string;
}

let relayed = 0;

const answers = {
  open: async ({ source, sourcePrefix, target, targetPrefix }: RelayRoute): Promise<void> => {
    const into = connect(target);
    const prefix = Buffer.from(targetPrefix, 'latin1');
    const copyOf = (key: Buffer): Buffer => Buffer.concat([prefix, key.subarray(sourcePrefix.length)]);
    // A failure is nobody's to handle, and so ends the process.
    await follow(
      connect(source),
      sourcePrefix,
      ({ key, value }) => void into.kv.put({ key: copyOf(key), value }).then(() => relayed++),
      (key) => void into.kv.deleteRange({ key: copyOf(key) }).then(() => relayed++),
    );
  },

  /** How many changes, so far. */
  relayed: (): number => relayed,
};

export type RelayAnswers = typeof answers;

serve(answers);
