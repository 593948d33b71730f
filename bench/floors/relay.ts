/** Floor of a mirror: copies what changes in one etcd into another, and nothing else. Every put goes out at once. */
import { connect, follow } from './etcd.ts';
import type { Endpoint } from './etcd.ts';
import { serve } from './serve.ts';

export interface RelayRoute {
  readonly source: Endpoint;
  readonly sourcePrefix: string;
  readonly target: Endpoint;
  readonly targetPrefix: string;
}

const answers = {
  open: async ({ source, sourcePrefix, target, targetPrefix }: RelayRoute): Promise<void> => {
    const into = connect(target);
    const prefix = Buffer.from(targetPrefix, 'latin1');
    await follow(connect(source), sourcePrefix, ({ key, value }) => {
      const copy = Buffer.concat([prefix, key.subarray(sourcePrefix.length)]);
      // A failure is nobody's to handle, and so ends the process.
      void into.kv.put({ key: copy, value });
    });
  },
};

export type RelayAnswers = typeof answers;

serve(answers);
